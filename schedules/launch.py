"""Launching: a run is a child process with a deadline, and even a killed one ends in a verdict."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

from crawler.newspaper import Newspaper
from pipelines.closing import recover
from pipelines.ledger import Ledger
from pipelines.lock import SiteLock
from pipelines.run import new_run_id
from pipelines.storage import Dataset, make_folder
from schedules.exits import ExitCode
from schedules.verdicts import expectations_of, judge_ended_runs

PROJECT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_LOOKS = 0.2
# What a run may take after its last minute to close its books and publish, before it is ended; and then to end.
SECONDS_TO_CLOSE = 120
SECONDS_TO_END = 15

Progress = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to run: one site, into one data folder, with these settings."""

    newspaper: type[Newspaper]
    dataset: Dataset
    seeds: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    max_minutes: float | None = None


class Running:
    """A run that was launched: its child process, and how far it is."""

    def __init__(self, launch: Launch) -> None:
        """Take the site's lock and start the child, which inherits it.

        Raises what :meth:`SiteLock.take` and :meth:`Ledger.open` raise; nothing is started then.
        """
        self.launch = launch
        self.run_id = new_run_id(launch.newspaper.name)
        self.log = launch.dataset.log(self.run_id)
        self._interrupted: int | None = None
        launch.dataset.prepare()
        self._lock = SiteLock.take(launch.dataset.lock(launch.newspaper.name))
        try:
            self._ledger().close()  # a damaged one is refused here, in one sentence
            make_folder(self.log.parent)
            self._child = self._start()
        except BaseException:
            self._lock.release()
            raise
        self._started = time.monotonic()

    def _start(self) -> subprocess.Popen[bytes]:
        name = self.launch.newspaper.name
        command = [sys.executable, "-m", "scrapy", "crawl", name]
        if self.launch.seeds:
            command += ["-a", f"seed={' '.join(self.launch.seeds)}"]
        for key, value in self._settings().items():
            command += ["-s", f"{key}={value}"]
        with self.log.open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches it once, from here.
            return subprocess.Popen(
                command,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock.fileno(),),
                start_new_session=True,
            )

    def _settings(self) -> dict[str, str]:
        own = {
            "KHOBOR_DATA": str(self.launch.dataset.root),
            "KHOBOR_RUN_ID": self.run_id,
            "KHOBOR_LOCK_FD": str(self._lock.fileno()),
            "KHOBOR_LAUNCHER": str(os.getpid()),
        }
        if self.launch.max_minutes is not None:
            own["CLOSESPIDER_TIMEOUT"] = str(round(self.launch.max_minutes * 60))
        return {**self.launch.settings, **own}

    def finished(self) -> bool:
        """Whether the child is gone; ends one that outstays its time."""
        if self._child.poll() is not None:
            return True
        if self.launch.max_minutes is not None:
            late = time.monotonic() - self._started - self.launch.max_minutes * 60 - SECONDS_TO_CLOSE
            if late > SECONDS_TO_END:
                self._child.kill()
            elif late > 0 and self._interrupted is None:
                self.interrupt(signal.SIGTERM)
        return False

    def interrupt(self, number: int) -> None:
        """Ask the run to end: it accepts what is in flight, publishes and closes its books."""
        self._interrupted = number
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def progress(self) -> Progress | None:
        """How far the run is, as it last said."""
        try:
            said: Progress = loads(self.launch.dataset.progress(self.launch.newspaper.name).read_bytes())
        except (FileNotFoundError, JSONDecodeError):
            return None
        return said if said["run_id"] == self.run_id else None

    def conclude(self) -> dict[str, Any]:
        """The run's report, when the child is gone; if it was killed, what it left is published first.

        The report has `exit_code` beside what `runs/<run_id>.json` holds.
        """
        dataset, newspaper = self.launch.dataset, self.launch.newspaper
        try:
            if not dataset.run(self.run_id).exists():
                ledger = self._ledger()
                recover(dataset, ledger)
                judge_ended_runs(dataset, ledger, expectations_of(newspaper))
                ledger.close()
        finally:
            self._lock.release()
        if not dataset.run(self.run_id).exists():
            return self._stillborn()
        report: dict[str, Any] = loads(dataset.run(self.run_id).read_bytes())
        report["exit_code"] = self._exit_code(report["verdict"]["exit_code"])
        return report

    def _exit_code(self, judged: int) -> int:
        if judged == ExitCode.TERMINATED and self._interrupted == signal.SIGINT:
            return ExitCode.INTERRUPTED
        return judged

    def _stillborn(self) -> dict[str, Any]:
        problem = f"the run ended before it began, with code {self._child.returncode}; its log is {self.log}"
        verdict = {"exit_code": int(ExitCode.INTERNAL), "problems": [problem]}
        name = self.launch.newspaper.name
        return {"run_id": self.run_id, "site": name, "verdict": verdict, "exit_code": int(ExitCode.INTERNAL)}

    def _ledger(self) -> Ledger:
        newspaper = self.launch.newspaper
        dataset, name = self.launch.dataset, newspaper.name
        return Ledger.open(dataset.ledger(name), name, newspaper.zone, expected=dataset.holds(name))


def watch(runs: Sequence[Running], look: Callable[[Running], None]) -> None:
    """Wait for runs to finish, looking at each a few times a second; a signal to us is passed on to them."""
    with _passing_on_signals(runs):
        while waiting := [run for run in runs if not run.finished()]:
            for run in waiting:
                look(run)
            time.sleep(SECONDS_BETWEEN_LOOKS)


@contextmanager
def _passing_on_signals(runs: Sequence[Running]) -> Iterator[None]:
    def pass_on(number: int, _: object) -> None:
        for run in runs:
            run.interrupt(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
