"""Run the schedules of all sites of a group now, each in a process of its own, a few at a time."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Self

from schedules.exit_codes import ExitCode, gravest
from schedules.paths import PROJECT
from schedules.runner.run_all import MAX_RUNS, POLL_SECONDS
from schedules.service.scheduled_run import Result
from schedules.signals import handle_signals
from schedules.timetable.config import Schedule

COMMAND = (sys.executable, "-m", "khobor", "schedule", "run")


def run_group(schedules: Sequence[Schedule], options: Sequence[str]) -> Result:
    """Run schedules by `khobor schedule run`, at most :data:`MAX_RUNS` at a time, and return their common result.

    SIGINT and SIGTERM are passed on to the processes, and no other one is then started.

    :param options: further options of the command, the same for all
    """
    waiting, received = [schedule.name for schedule in schedules], list[int]()
    running: list[_Run] = []
    codes: list[int] = []

    def pass_on(number: int, _: object) -> None:
        received.append(number)
        for run in running:
            run.process.send_signal(number)

    reports: list[dict[str, Any]] = []
    with handle_signals(pass_on):
        while running or (waiting and not received):
            while waiting and len(running) < MAX_RUNS and not received:
                running.append(_Run.start(waiting.pop(0), options))
            for run in [each for each in running if each.process.poll() is not None]:
                running.remove(run)
                codes.append(run.exit_code())
                reports += run.reports()
            time.sleep(POLL_SECONDS)
    return Result(gravest([*codes, *map(ExitCode.of_signal, received)]), tuple(reports))


@dataclass(frozen=True, slots=True)
class _Run:
    """Process of one schedule, and the file with its output; a pipe might be full before it is read."""

    process: "subprocess.Popen[bytes]"
    output: IO[bytes]

    @classmethod
    def start(cls, name: str, options: Sequence[str]) -> Self:
        command = [*COMMAND, name, "--json", *options]
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in reports
        # In a session of its own, so that Ctrl-C reaches it once.
        return cls(subprocess.Popen(command, cwd=PROJECT, stdout=output, start_new_session=True), output)

    def exit_code(self) -> int:
        code = self.process.returncode
        return code if code in set(ExitCode) else ExitCode.INTERNAL

    def reports(self) -> list[dict[str, Any]]:
        with self.output:
            self.output.seek(0)
            content = self.output.read()
        return [json.loads(content)] if content.strip() else []
