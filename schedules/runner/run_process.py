"""Run (one crawl of a site) in a supervised child process; the run is evaluated even if the process is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from crawler.clock import now
from crawler.registry import project_settings
from crawler.spider import NewspaperSpider
from pipelines.ledger import Ledger
from pipelines.publishing.exchange import open_ledger
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.preflight import check_machine
from pipelines.runtime.recovery import recover_runs
from pipelines.runtime.run_summary import lost_summary
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder, private_file
from pipelines.storage.run_ids import new_run_id
from pipelines.storage.site_lock import SiteLock
from schedules.exit_codes import CLOSE_REASONS, OUTRANKS_SIGNAL, ExitCode, describe_error
from schedules.monitoring.verdict import evaluate_ended_runs, expectations_of, write_lost_verdict
from schedules.paths import PROJECT
from schedules.reports.progress import Progress, read_progress
from schedules.reports.report import read_report
from schedules.runner.bucket_uploads import ProgressUpload
from schedules.runner.log_tail import abort_in_log, error_in_log
from schedules.runner.watchdog import Watchdog


@dataclass(frozen=True)
class RunOptions:
    """Options of a crawl: newspaper, data folder, seed URLs, Scrapy settings, name and due time of its schedule.

    :ivar run_id: id of the run, which is generated if it is empty
    :ivar settings_module: module with the Scrapy settings
    """

    newspaper: type[NewspaperSpider]
    dataset: DataFolder
    seeds: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    schedule: Mapping[str, Any] | None = None
    run_id: str = ""
    settings_module: str = "crawler.settings"


_LOG_TAIL_BYTES = 32_768
# On a machine with many cores, every further thread would map memory that a run does not use.
FEW_THREADS = {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
_REASONS: Mapping[int, str] = {ExitCode.STORAGE: "storage", ExitCode.DAMAGED: "damaged"}


# Only the notifier needs the secrets of alert targets, and only the parent of a run those of a bucket.
_SECRET_PREFIXES = ("KHOBOR_", "AWS_", "AZURE_", "GOOGLE_")
_OWN_VARIABLES = frozenset(f"KHOBOR_{name}" for name in ("CLOCK", "CONTACT", "DEBUG", "FAILPOINT", "SITES", "TESTING"))


def public_environment() -> dict[str, str]:
    """Return the environment of this process without the secrets of alert targets and buckets, for child processes."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_SECRET_PREFIXES) or name in _OWN_VARIABLES
    }


class RunProcess:
    """Handle of the child process that crawls a site: start, interrupt and observe it, and read its report.

    The child process inherits the lock of the site, so that no other run of the site can start.
    """

    def __init__(self, options: RunOptions) -> None:
        """Check the machine, take the lock of the site, record the run in the ledger, and start the child process.

        Nothing is started if :func:`check_machine`, :meth:`SiteLock.take` or :func:`open_ledger` raises an error. The
        ledger is the SQLite database of the site.
        """
        self.options = options
        self.run_id = options.run_id or new_run_id(options.newspaper.name)
        self.log = options.dataset.log(self.run_id)
        #: The first signal that was forwarded to the run.
        self.signal: int | None = None
        self._kill_reason: str | None = None
        settings = project_settings()
        settings.update(options.settings, priority="cmdline")
        self.warnings = check_machine(options.dataset, settings.getfloat("KHOBOR_MIN_FREE_MB"))
        self._identity = options.dataset.identity()
        self._lock = SiteLock.take(options.dataset.lock(options.newspaper.name))
        try:
            # Raises an error if the ledger is damaged. The run begins here, so that one that dies at once is known.
            with closing(self._ledger()) as ledger:
                schedule = json.dumps(options.schedule) if options.schedule else None
                ledger.runs.begin(self.run_id, now(), settings["KHOBOR_MODE"], schedule)
                make_folder(self.log.parent)
                try:
                    self._child = self._start()
                except BaseException:
                    ledger.runs.delete(self.run_id)
                    raise
        except BaseException:
            self._lock.release()
            raise
        self._progress_upload = ProgressUpload(options.dataset, options.newspaper.name)
        self._watchdog = Watchdog(
            stall_seconds=settings.getfloat("KHOBOR_STALL_SECONDS"),
            shutdown_seconds=settings.getfloat("KHOBOR_SHUTDOWN_SECONDS"),
            time_limit=settings.getfloat("CLOSESPIDER_TIMEOUT"),
        )

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "scrapy", "crawl", self.options.newspaper.name]
        if self.options.seeds:
            command += ["-a", f"seed={' '.join(self.options.seeds)}"]
        own = {
            "KHOBOR_DATA": str(self.options.dataset.root),
            "KHOBOR_RUN_ID": self.run_id,
            "KHOBOR_LOCK_FD": str(self._lock.fileno()),
            "KHOBOR_PARENT_PID": str(os.getpid()),
        }
        for key, value in {**self.options.settings, **own}.items():
            command += ["-s", f"{key}={value}"]
        environment = {**FEW_THREADS, **public_environment(), "SCRAPY_SETTINGS_MODULE": self.options.settings_module}
        with open(self.log, "ab", opener=private_file) as log:
            # In a session of its own, so that Ctrl-C reaches it only through this process.
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

    def has_ended(self) -> bool:
        """Return True if the child process has ended; kill it if the watchdog has a reason to do so."""
        if self._child.poll() is not None:
            return True
        progress = self.progress()
        heartbeat, state = (progress.at.isoformat(), progress.state) if progress else (None, "")
        if reason := self._watchdog.check(heartbeat, state):
            self._kill_reason = self._kill_reason or reason
            self._child.kill()
        return False

    def interrupt(self, number: int) -> None:
        """Forward a signal to the run, which then stops.

        After the first signal, it completes the running downloads and publishes its rows; after the second, it drops
        the downloads.
        """
        self.signal = self.signal or number
        self._watchdog.note_signal()
        if self._child.poll() is None:
            self._child.send_signal(number)

    def kill(self) -> None:
        """Kill the run at once; what it stored is kept, and :meth:`conclude` publishes it."""
        self._kill_reason = self._kill_reason or "killed"
        self._child.kill()

    def progress(self) -> Progress | None:
        """Return the progress that the run has last written, or None if it has not written any."""
        progress = read_progress(self.options.dataset, self.options.newspaper.name)
        return progress if progress and progress.run_id == self.run_id else None

    def conclude(self) -> dict[str, Any]:
        """Return the report of the ended run, and release the lock of the site.

        If the run was killed, the rows that it stored are first written to Parquet. The report is the content of
        `runs/<run_id>.json` and the `exit_code`. If the run was stopped before it had stored anything, the report has
        only `run_id`, `site`, `verdict` and `exit_code`.
        """
        path = self.options.dataset.run(self.run_id)
        try:
            self.options.dataset.check_identity(self._identity)
            if not path.exists():
                self._recover()
            report = read_report(self.options.dataset, self.run_id) if path.exists() else self._stopped_early()
        except FATAL_ERRORS as error:
            report = self._report_error(error)
        finally:
            self._progress_upload.stop()
            self._lock.release()
        code = ExitCode(report["verdict"]["exit_code"])
        if self.signal is not None and code not in OUTRANKS_SIGNAL:
            code = ExitCode.of_signal(self.signal)
        report["exit_code"] = int(code)
        return report

    def _recover(self) -> None:
        reason, message = self._error_in_log()
        if self.signal is not None:
            reason, message = CLOSE_REASONS[signal.Signals(self.signal)], None
        elif self._kill_reason is not None:
            reason, message = self._kill_reason, None
        with closing(self._ledger()) as ledger:
            has_begun = bool(ledger.runs.counts(self.run_id))
            if self.signal is not None and not has_begun:
                ledger.runs.delete(self.run_id)
            if not has_begun and reason is None:
                code = self._child.returncode
                reason = _REASONS.get(code, "killed" if code < 0 else "not_begun")
                ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
                message = message or f"the run {ended} before it had stored anything; its log is {self.log}"
            recover_runs(
                self.options.dataset, ledger, reason or _REASONS.get(self._child.returncode, "killed"), message
            )
            evaluate_ended_runs(self.options.dataset, ledger, expectations_of(self.options.newspaper))

    def _stopped_early(self) -> dict[str, Any]:
        verdict = {"exit_code": ExitCode.TERMINATED, "problems": ["stopped before it had stored anything"]}
        return {"run_id": self.run_id, "site": self.options.newspaper.name, "verdict": verdict}

    def _report_error(self, error: BaseException) -> dict[str, Any]:
        """Return the report of a run whose ledger (SQLite database) cannot be read or written.

        The report is also written to a file if that is possible.
        """
        code, sentence = describe_error(error)
        sentence = f"{sentence}; everything stored is kept, and `khobor publish` publishes it"
        reason = "damaged" if code == ExitCode.DAMAGED else "storage"
        summary = lost_summary(self.run_id, self.options.newspaper.name, now(), reason, sentence)
        if self.options.schedule:
            summary["schedule"] = self.options.schedule
        return write_lost_verdict(self.options.dataset, summary)

    def _error_in_log(self) -> tuple[str | None, str | None]:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
            text = log.read().decode(errors="replace")
        return abort_in_log(text) if self._child.returncode == -signal.SIGABRT else error_in_log(text)

    def _ledger(self) -> Ledger:
        newspaper = self.options.newspaper
        dataset, name = self.options.dataset, newspaper.name
        return open_ledger(dataset, name, newspaper.zone)
