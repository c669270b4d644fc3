"""A turn: one run of a schedule, the same whether the service, cron, systemd or a person asks for it.

It holds the schedule's own lock while it lives, which tells a run that goes on from one that was killed, whoever
looks; and it settles its claim itself, so that whoever launched it need not be there when it ends.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import NoReturn

from crawler.clock import now
from pipelines.storage.data_folder import Dataset, make_folder
from schedules.exit_codes import ExitCode, ToldToEnd, explained
from schedules.service.scheduled_run import Claimed, Look, Turn
from schedules.signals import heard_by
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Claims, State, claims_of, is_late, lock_of, turn_lock


def take_turn(
    schedule: Schedule,
    dataset: Dataset,
    *,
    due: str | None = None,
    only_due: bool = False,
    settings: Sequence[str] = (),
    mirror: str | None = None,
    look: Look = lambda running: None,
) -> Turn:
    """Run a schedule once, now.

    ``due`` names a time that is claimed already. Without it the latest time that nobody has taken is claimed, if there
    is one within the grace; if there is none, the run belongs to no time, or with ``only_due`` there is no run.
    With either of them it waits while another run holds its site, until the next time is due. A person, who asks
    without, is refused at once, and what was due stays due.

    Raises what :func:`schedules.exit_codes.explained` explains where nothing was started.
    """
    dataset.prepare()
    make_folder(lock_of(dataset, schedule.name).parent)
    with _ending_when_told(), Claims.open(claims_of(dataset)) as claims:
        try:
            patient = due is not None or only_due
            with turn_lock(dataset, schedule, wait=patient):
                due = due or _claimed(claims, schedule)
                if due is None and only_due:
                    coming = next(schedule.after(now()))
                    return Turn(0, sentence=f"{schedule.name} is not due before {coming.local:%Y-%m-%d %H:%M}")
                if due is not None and not claims.begin(schedule.name, due, now()):
                    return Turn(0, sentence=f"{schedule.name} of {due} was run or is running already")
                return Claimed(claims, schedule, dataset, due, look, patient).run(settings, mirror)
        except ToldToEnd as told:
            return Turn(ExitCode.of_signal(told.number), sentence=f"{schedule.name} was {told}")


def _claimed(claims: Claims, schedule: Schedule) -> str | None:
    """The key of the latest time that nobody has taken, now claimed."""
    moment = now()
    # Whoever calls for a schedule that was never seen means the time that is just due.
    since = claims.counts_since(schedule, moment - schedule.grace)
    dues = claims.unsettled(schedule, moment, since)
    late = [(each, State.LATE, "nobody called for it while it was due") for each in dues]
    if not dues or moment - dues[0].at > schedule.grace:
        claims.skip(schedule, late, moment)
        return None
    taken = claims.take(schedule, dues[0], moment, late=is_late(dues[0], moment), before=late[1:])
    return dues[0].key if taken else None


@contextmanager
def _ending_when_told() -> Iterator[None]:
    def end(number: int, _: object) -> NoReturn:
        raise ToldToEnd(number)

    with heard_by(end):
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """The turn that the service launches, in a process and a session of its own."""
    parser = argparse.ArgumentParser(prog="python -m schedules.turns.taking", description=__doc__)
    parser.add_argument("schedule")
    parser.add_argument("--due", required=True)
    parser.add_argument("--timetable", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mirror")
    parser.add_argument("-s", dest="settings", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        schedule = Timetable.read(options.timetable).named(options.schedule)
        given = {"settings": options.settings, "mirror": options.mirror}
        turn = take_turn(schedule, Dataset(options.data), due=options.due, **given)
    except Exception as error:
        if environ.get("KHOBOR_DEBUG"):
            raise
        code, sentence = explained(error)
        print(f"{options.schedule} of {options.due}: {sentence}", file=sys.stderr)
        return code
    for report in turn.reports:
        problems = "; ".join(report["verdict"]["problems"])
        print(f"{report['run_id']}: exit code {report['exit_code']}. {problems}".rstrip(), file=sys.stderr)
    if turn.sentence:
        print(turn.sentence, file=sys.stderr)
    return turn.exit_code


if __name__ == "__main__":
    sys.exit(main())
