"""A run that was launched: a child process that is watched, and that ends in a verdict even when it is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scrapy.settings import Settings

from crawler.registry import project_settings
from crawler.spider import NewspaperSpider
from pipelines.ledger import Ledger
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.preflight import check_machine
from pipelines.runtime.recovery import recover_runs
from pipelines.runtime.run import new_run_id
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLock
from schedules.exit_codes import GRAVER, REASONS, ExitCode, describe_error
from schedules.monitoring.verdict import evaluate_ended_runs, expectations_of
from schedules.paths import PROJECT
from schedules.reports.progress import Progress, read_progress
from schedules.reports.report import read_report
from schedules.runner.log_tail import error_in_log
from schedules.runner.watchdog import Watchdog


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What to run: one site, into one data folder, with these settings."""

    newspaper: type[NewspaperSpider]
    dataset: DataFolder
    seeds: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    max_minutes: float | None = None

    def composed(self) -> Settings:
        """All settings of the run."""
        settings = project_settings()
        settings.update(self.settings, priority="cmdline")
        if self.max_minutes is not None:
            settings.set("CLOSESPIDER_TIMEOUT", str(max(1, round(self.max_minutes * 60))), priority="cmdline")
        return settings


_LAST_BYTES = 32_768
# A run needs few threads, and on a machine of many cores each would map memory that it never uses.
FEW_THREADS = {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
# What a process ends of by itself; a kill comes from outside, and says nothing of the page that was being read.
_REASONS: Mapping[int, str] = {ExitCode.STORAGE: "storage", ExitCode.DAMAGED: "damaged"}


class RunProcess:
    """A run that was launched: its child process, and how far it is."""

    def __init__(self, launch: RunOptions) -> None:
        """Look at the premises, take the site's lock and start the child, which inherits it.

        Raises what :func:`check_machine`, :meth:`SiteLock.take` and :meth:`Ledger.open` raise; nothing is started then.
        """
        self.launch = launch
        self.run_id = new_run_id(launch.newspaper.name)
        self.log = launch.dataset.log(self.run_id)
        self.told: int | None = None
        self._killed_for: str | None = None
        settings = launch.composed()
        self.warnings = check_machine(launch.dataset, settings.getfloat("KHOBOR_MIN_FREE_MB"))
        self._lock = SiteLock.take(launch.dataset.lock(launch.newspaper.name))
        try:
            self._ledger().close()  # a damaged one is refused here, in one sentence
            make_folder(self.log.parent)
            self._child = self._start(settings)
        except BaseException:
            self._lock.release()
            raise
        self._watchdog = Watchdog(
            stalled_after=settings.getfloat("KHOBOR_STALL_SECONDS"),
            grace=settings.getfloat("KHOBOR_SHUTDOWN_SECONDS"),
            time_limit=settings.getfloat("CLOSESPIDER_TIMEOUT"),
        )

    def _start(self, settings: Settings) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "scrapy", "crawl", self.launch.newspaper.name]
        if self.launch.seeds:
            command += ["-a", f"seed={' '.join(self.launch.seeds)}"]
        own = {
            "KHOBOR_DATA": str(self.launch.dataset.root),
            "KHOBOR_RUN_ID": self.run_id,
            "KHOBOR_LOCK_FD": str(self._lock.fileno()),
            "KHOBOR_PARENT_PID": str(os.getpid()),
            "CLOSESPIDER_TIMEOUT": settings["CLOSESPIDER_TIMEOUT"],
        }
        for key, value in {**self.launch.settings, **own}.items():
            command += ["-s", f"{key}={value}"]
        environment = {**FEW_THREADS, **os.environ, "SCRAPY_SETTINGS_MODULE": "crawler.settings"}
        with self.log.open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches it once, from here.
            return subprocess.Popen(
                command,
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock.fileno(),),
                start_new_session=True,
            )

    def finished(self) -> bool:
        """Whether the child is gone; kills one that stands still, outstays its time or does not end when told to."""
        if self._child.poll() is not None:
            return True
        progress = self.progress()
        sign, state = (progress.at.isoformat(), progress.state) if progress else (None, "")
        why = self._watchdog.look(sign, state)
        if why is not None:
            self._killed_for = self._killed_for or why
            self._child.kill()
        return False

    def interrupt(self, number: int) -> None:
        """Ask the run to end: it accepts what is in flight, publishes and closes its books. Twice: without delay."""
        self.told = self.told or number
        self._watchdog.told()
        if self._child.poll() is None:
            self._child.send_signal(number)

    def progress(self) -> Progress | None:
        """The run's progress as last written."""
        progress = read_progress(self.launch.dataset, self.launch.newspaper.name)
        return progress if progress and progress.run_id == self.run_id else None

    def conclude(self) -> dict[str, Any]:
        """The run's report, when the child is gone; if it was killed, what it left is published first.

        The report has `exit_code` beside what `runs/<run_id>.json` holds, and little more than that if the run never
        began or could not be closed.
        """
        path = self.launch.dataset.run(self.run_id)
        try:
            if not path.exists():
                self._recover()
            report = read_report(self.launch.dataset, self.run_id) if path.exists() else self._stillborn()
        except FATAL_ERRORS as error:
            code, sentence = describe_error(error)
            kept = "; everything that it had accepted is kept, and `khobor publish` goes on from there"
            report = self._report(code, sentence + kept)
        finally:
            self._lock.release()
        code = ExitCode(report["verdict"]["exit_code"])
        told = self.told is not None and code not in GRAVER
        report["exit_code"] = int(ExitCode.of_signal(self.told) if told and self.told is not None else code)
        return report

    def _recover(self) -> None:
        ledger = self._ledger()
        try:
            recover_runs(self.launch.dataset, ledger, *self._reason())
            evaluate_ended_runs(self.launch.dataset, ledger, expectations_of(self.launch.newspaper))
        finally:
            ledger.close()

    def _reason(self) -> tuple[str, str | None]:
        """Why the run ended without closing its books, and what it said about that."""
        if self.told is not None:
            return REASONS[signal.Signals(self.told)], None
        if self._killed_for is not None:
            return self._killed_for, None
        reason, said = self._last_words()
        return reason or _REASONS.get(self._child.returncode, "killed"), said

    def _stillborn(self) -> dict[str, Any]:
        code, (_, words) = self._child.returncode, self._last_words()
        if self.told is not None:
            return self._report(ExitCode.of_signal(self.told), "told to end before it began; nothing was asked for")
        if words and code in set(ExitCode):
            return self._report(ExitCode(code), words)
        problem = f"the run ended before it began, with code {code}; its log is {self.log}"
        return self._report(ExitCode.INTERNAL, problem)

    def _last_words(self) -> tuple[str | None, str | None]:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LAST_BYTES))
            return error_in_log(log.read().decode(errors="replace"))

    def _report(self, code: ExitCode, problem: str) -> dict[str, Any]:
        verdict = {"exit_code": int(code), "problems": [problem]}
        return {"run_id": self.run_id, "site": self.launch.newspaper.name, "verdict": verdict}

    def _ledger(self) -> Ledger:
        newspaper = self.launch.newspaper
        dataset, name = self.launch.dataset, newspaper.name
        return Ledger.open(dataset.ledger(name), name, newspaper.zone, expected=dataset.holds(name))
