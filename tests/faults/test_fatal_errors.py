"""Trouble with the machine: one sentence, exit code 7, nothing accepted is lost, and the next run has everything."""

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.newspaper import Newspaper
from tests.support.commands import FinishedCrawl, khobor
from tests.support.fault_site import FaultSite
from tests.support.processes import crawl_command, reports
from tests.support.project import PROJECT

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can mount a file system or become another user")


def run(
    command: Sequence[str], *, environment: dict[str, str] | None = None, before: Callable[[], Any] | None = None
) -> "subprocess.CompletedProcess[str]":
    """A command, in a process that something is done to before it begins."""
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | (environment or {}),
        preexec_fn=before,
        capture_output=True,
        text=True,
        timeout=100,
    )


def said_in(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command said of itself: its one sentence, or the first problem of its report."""
    assert "Traceback" not in done.stderr, done.stderr
    if done.stdout:
        return str(json.loads(done.stdout)["verdict"]["problems"][0])
    [line] = [line for line in done.stderr.splitlines() if line.startswith("khobor: ")]
    return line


def kept(data: Path) -> list[str]:
    return sorted(pd.read_parquet(data / "stories", columns=["story_id"])["story_id"])


@pytest.fixture(scope="module")
def paper() -> Iterator[FaultSite]:
    with FaultSite(["s403", "s404", "s410"]) as paper:  # and a good story after each
        yield paper


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small disk with these options, or changes those of the one that is mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted: list[str] = []

    def mount(options: str) -> Path:
        command = ["mount", "-o", f"remount,{options}"] if mounted else ["mount", "-t", "tmpfs", "-o", options, "tmpfs"]
        subprocess.run([*command, str(place)], check=True)
        mounted.append(options)
        return place

    yield mount
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


@needs_root
def test_a_disk_that_fills_up_ends_the_run_and_after_making_room_the_next_has_everything(
    disk: Callable[[str], Path],
) -> None:
    newspaper = Newspaper(stories=60)
    with newspaper.serve() as mirror:
        data = disk("size=17m") / "data"
        done = run(crawl_command(mirror, data, "-sKHOBOR_MIN_FREE_MB=0"))
        assert done.returncode == 7
        assert re.search(rf"{data}/.*(disk is full|No space left on device)", said_in(done)), done
        disk("size=64m")
        assert khobor("publish", "--data", str(data)).returncode == 0
        [report] = reports(data)
        assert (report["verdict"]["exit_code"], report["reason"]) == (7, "storage")
        assert report["urls"]["complete"]
        some = kept(data)
        assert len(some) == report["stories"]["new"] > 0
        crawl = FinishedCrawl(newspaper, mirror, data)
        assert crawl.crawl("-sKHOBOR_MIN_FREE_MB=0")["exit_code"] == 0
    all_of_it = kept(data)
    copies = newspaper.copies()
    missing = [i for i in newspaper.truth() if i not in all_of_it and not copies.get(i, set()) & set(all_of_it)]
    assert (missing, len(all_of_it)) == ([], len(set(all_of_it)))
    assert set(some) < set(all_of_it)
    assert crawl.run("check").returncode == 0


@pytest.mark.parametrize(
    "place",
    ["page.begun:3=enospc", "accept.due:2=enospc", "stage.written=enospc", "write.synced:1=eio"],
)
def test_trouble_at_any_step_of_keeping_ends_the_run_and_loses_nothing(
    place: str, paper: FaultSite, tmp_path: Path
) -> None:
    trap = {"KHOBOR_FAILPOINT": place, "KHOBOR_TESTING": "1"}
    done = run(crawl_command(paper.server.base, tmp_path, "--max-pages=12"), environment=trap)
    assert done.returncode == 7, done
    assert re.search(rf"{tmp_path}/.*(No space left on device|Input/output error)", said_in(done))
    again = run(crawl_command(paper.server.base, tmp_path, "--max-pages=12"))
    assert again.returncode in (0, 3), again.stdout
    good = [f"kalbela:{path.rpartition('/')[2]}" for path in paper.good]
    assert set(good) <= set(kept(tmp_path))
    assert len(kept(tmp_path)) == len(set(kept(tmp_path)))
    assert all(report["urls"]["complete"] for report in reports(tmp_path))
    assert khobor("check", "--data", str(tmp_path)).returncode == 0


@needs_root
@pytest.mark.parametrize(
    ("options", "then", "said"),
    [
        ("size=40m", None, "bytes free and needs"),
        ("size=8m", None, "bytes free and needs"),
        ("size=400m,nr_inodes=200", None, "inodes free and needs 500"),
        ("size=400m", "ro", "Read-only file system"),
    ],
    ids=["little room", "no room", "few inodes", "read-only"],
)
def test_a_disk_without_room_is_refused_before_anything_is_asked_for(
    options: str, then: str | None, said: str, disk: Callable[[str], Path], paper: FaultSite
) -> None:
    place = disk(options)
    if then:
        disk(then)
    hits = paper.server.hits.total()
    done = run(crawl_command(paper.server.base, place / "data"))
    assert (done.returncode, paper.server.hits.total()) == (7, hits)
    assert said in said_in(done)
    assert str(place) in said_in(done)


@needs_root
def test_a_folder_of_somebody_else_is_refused_with_the_user_who_may_not_write_it(
    paper: FaultSite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The interpreter may lie where another user cannot start it: so it becomes one after all is imported.
    runner = ", ".join(f"schedules.runner.{name}" for name in ("run_all", "dependency_check", "options"))
    imports = f"encodings.idna, os, sys, khobor, {runner}, schedules.cli.render.progress_bar"
    code = f"import {imports}; os.setuid(65534); sys.exit(khobor.main())"
    data = tmp_path_factory.mktemp("private")
    arguments = crawl_command(paper.server.base, data)[3:]
    done = run([sys.executable, "-c", code, *arguments])
    assert done.returncode == 7
    assert "Permission denied (as user 65534)" in said_in(done)
    assert not list(data.iterdir())


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        (resource.RLIMIT_NOFILE, 40, "may open 40 files and needs 64: raise it (ulimit -n)"),
        (resource.RLIMIT_FSIZE, 2**20, "File too large"),
    ],
    ids=["descriptors", "file size"],
)
def test_a_limit_that_is_too_low_is_named(limit: int, most: int, said: str, paper: FaultSite, tmp_path: Path) -> None:
    done = run(crawl_command(paper.server.base, tmp_path), before=lambda: resource.setrlimit(limit, (most, most)))
    assert done.returncode == 7
    assert said in said_in(done)
    assert not (tmp_path / "stories").exists()


def test_too_little_memory_is_said_before_and_just_enough_loses_nothing(paper: FaultSite, tmp_path: Path) -> None:
    done = run(crawl_command(paper.server.base, tmp_path, "-sKHOBOR_ADDRESS_SPACE_MB=50"))
    assert done.returncode == 7
    needs = re.search(r"may map 50 MiB of memory and needs (\d+): raise KHOBOR_ADDRESS_SPACE_MB", said_in(done))
    assert needs
    # With no more than that it depends on the machine whether it is enough, and not on luck what is kept.
    done = run(
        crawl_command(paper.server.base, tmp_path, "--max-pages=12", f"-sKHOBOR_ADDRESS_SPACE_MB={int(needs[1]) + 5}")
    )
    report = json.loads(done.stdout)
    assert done.returncode in (0, 3, 7), report["verdict"]
    assert done.returncode != 7 or "memory" in said_in(done)
    assert len(kept(tmp_path)) == report["stories"]["new"]
    assert khobor("check", "--data", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("moment", ["2019-12-31T00:00Z", "2093-01-01T00:00Z"])
def test_a_clock_that_cannot_be_right_is_refused(moment: str, paper: FaultSite, tmp_path: Path) -> None:
    clock = {"KHOBOR_CLOCK": moment, "KHOBOR_TESTING": "1"}
    done = run(crawl_command(paper.server.base, tmp_path), environment=clock)
    assert done.returncode == 7
    assert f"the system clock shows {moment[:10]}" in said_in(done)
    assert not list(tmp_path.iterdir())


def test_a_network_file_system_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.runtime.preflight import check_machine
    from pipelines.storage.data_folder import DataFolder

    monkeypatch.setattr(DataFolder, "network_file_system", lambda self: "nfs4")
    [warning] = check_machine(DataFolder(tmp_path), 0)
    assert "network file system (nfs4)" in warning
