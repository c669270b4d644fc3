"""Many sites on one machine: replicas under other names, their site files, and a service that crawls them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrence, Occurrences, occurrences_file
from tests.newspaper.http_messages import Response
from tests.newspaper.replicas import REPLICAS
from tests.newspaper.replicas.replica import Replica
from tests.newspaper.server import serving
from tests.support.commands import QUICK
from tests.support.project import PROJECT

#: A site with a feed on a host of its own cannot be copied by another name alone.
_NOT_COPIED = ("bbcbangla",)
_SITE_FILE = '''"""A copy of {base} under another name."""

from crawler.spiders.{base} import {spider}


class Copy({spider}):
    name = "{name}"
    title = "{title}"
    hosts = ("www.{name}.com", "{name}.com")
    examples = tuple(url.replace("{host}", "www.{name}.com") for url in {spider}.examples)
'''
_SCHEDULE = """
[schedule.night]
sentence = "All sites"
sites = {sites}
mode = "full"
cron = "{cron}"
zone = "Asia/Dhaka"
max_pages = 60
max_minutes = {minutes}
jitter_minutes = {jitter}
"""


def copied_replicas(count: int) -> dict[str, Replica]:
    """Return replicas by their new names, in turn of all families."""
    families = [name for name in sorted(REPLICAS) if name not in _NOT_COPIED]
    names = {
        f"{families[number % len(families)]}{number:02}": families[number % len(families)] for number in range(count)
    }
    return {
        name: replace(REPLICAS[family], name=name, host=f"www.{name}.com", log=[]) for name, family in names.items()
    }


def write_site_files(folder: Path, names: list[str]) -> None:
    known = newspapers()
    folder.mkdir()
    for name in names:
        spider = known[name[:-2]]
        about = {"spider": spider.__name__, "base": spider.name, "title": f"{spider.title} {name[-2:]}"}
        (folder / f"{name}.py").write_text(_SITE_FILE.format(name=name, host=spider.hosts[0], **about))


@contextmanager
def serving_all(replicas: dict[str, Replica]) -> Iterator[str]:
    """Serve all replicas at one address, by the Host header."""

    def answer(host: str, target: str, _: dict[str, str]) -> tuple[Response | None, float]:
        name = host.removeprefix("www.").removesuffix(".com")
        return (replicas[name].answer(host, target) if name in replicas else Response(421, b"")), 0.0

    with serving(answer, lambda: datetime.now(UTC), []) as url:
        yield url


@dataclass
class Night:
    """Data folder and timetable of many sites, and what the service took while it crawled them."""

    folder: Path
    replicas: dict[str, Replica]
    #: Proportional memory in MB of the service, its dashboard and all runs, and the number of their processes, by time.
    memory: list[tuple[float, float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data = DataFolder(self.folder / "data")
        self.timetable = self.folder / "timetable.toml"

    def prepare(self, cron: str, minutes: int, jitter: float) -> None:
        write_site_files(self.folder / "sites", [*self.replicas])
        sites = str([*self.replicas]).replace("'", '"')
        self.timetable.write_text(_SCHEDULE.format(sites=sites, cron=cron, minutes=minutes, jitter=jitter))

    def run(self, runs_of_each: int, seconds: float) -> None:
        """Run the service until every site has so many ended runs, for at most so many seconds."""
        with serving_all(self.replicas) as mirror:
            command = [sys.executable, "-m", "khobor", "serve", f"--data={self.data.root}", "--port=0"]
            command += [f"--timetable={self.timetable}", f"--mirror={mirror}", *QUICK]
            environment = {**os.environ, "KHOBOR_SITES": str(self.folder / "sites")}
            with (self.folder / "service.log").open("w") as log:
                service = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=log, start_new_session=True)
            began = time.monotonic()
            try:
                while time.monotonic() - began < seconds and self._is_unfinished(runs_of_each):
                    assert service.poll() is None, (self.folder / "service.log").read_text()
                    self.memory.append((time.time(), *_memory_of(service.pid)))
                    time.sleep(2)
            finally:
                service.terminate()
                service.wait(200)

    def _is_unfinished(self, runs_of_each: int) -> bool:
        ended = [each for each in self.occurrences() if each.ended_at is not None]
        return any(sum(each.sites == (site,) for each in ended) < runs_of_each for site in self.replicas)

    def occurrences(self) -> list[Occurrence]:
        """Return the occurrences of all sites, in the order of their due times."""
        if not occurrences_file(self.data).exists():
            return []
        with Occurrences.open(occurrences_file(self.data)) as stored:
            names = [f"night-{site}" for site in self.replicas]
            return sorted((each for name in names for each in stored.latest(name, 999)), key=lambda each: each.due_at)

    def starts(self) -> dict[str, list[tuple[datetime, datetime]]]:
        """Return for each site when its runs should have started, by the timetable with its jitter, and did."""
        os.environ["KHOBOR_SITES"] = str(self.folder / "sites")
        schedules = {each.name: each for each in Timetable.read(self.timetable).schedules}
        found: dict[str, list[tuple[datetime, datetime]]] = {site: [] for site in self.replicas}
        for each in self.occurrences():
            due = next(schedules[each.schedule].until(each.due_at, each.due_at.replace(year=each.due_at.year - 1)))
            if each.began_at is not None:
                found[each.sites[0]].append((schedules[each.schedule].start_of(due), each.began_at))
        return found


def _memory_of(root: int) -> tuple[float, int]:
    """Return the proportional memory in MB of a process and all its descendants, and their number."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    processes, found = [root], 0.0
    for process in processes:
        processes += children.get(process, [])
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        found += next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
    return found, len(processes)
