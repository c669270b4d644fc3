"""Judging: what a verdict makes of an account."""

from typing import Any

import pytest

from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm
from schedules.monitoring.expectations import Expectations, evaluate

EXPECTED = Expectations(lists=("latest", "popular"))
SEEN = {"latest/seen": 40, "popular/seen": 40}


def account(
    outcomes: dict[str, int],
    *,
    rejects: dict[str, int] | None = None,
    lists: dict[str, int] | None = None,
    reason: str = "finished",
    discovered: int | None = None,
    retry_failed: dict[str, int] | None = None,
) -> dict[str, Any]:
    total = sum(outcomes.values())
    discovered = total if discovered is None else discovered
    return {
        "site": "kalbela",
        "reason": reason,
        "urls": {"discovered": discovered, "outcomes": outcomes, "complete": discovered == total},
        "rejects": rejects or {},
        "stories": {"new": outcomes.get("story", 0), "revised": 0},
        "stats": {},
        "retry_failed": retry_failed or {},
        "lists": SEEN if lists is None else lists,
    }


@pytest.mark.parametrize(
    ("of", "code", "said"),
    [
        (account({"story": 40, "list": 5}), ExitCode.DONE, ""),
        (account({"skipped_fresh": 300, "list": 5}), ExitCode.DONE, ""),
        (account({"story": 100, "list": 5, "http_error": 3, "gone": 9}), ExitCode.DONE, ""),
        (account({"story": 10, "rejected": 2, "list": 1}, rejects={"NoBody": 2}), ExitCode.DONE, ""),
        (account({"story": 40}, discovered=41), ExitCode.INTERNAL, "41 URLs"),
        (account({"story": 40}, reason="killed"), ExitCode.INTERNAL, "killed"),
        (account({"story": 40, "pending": 2}, reason="shutdown"), ExitCode.TERMINATED, "stories saved: 40"),
        (account({"story": 4}, reason="interrupted"), ExitCode.INTERRUPTED, "interrupted"),
        (account({"story": 4}, reason="stalled"), ExitCode.INTERNAL, "stalled"),
        (account({"story": 4}, reason="storage"), ExitCode.STORAGE, "could not be written"),
        (account({"story": 4}, reason="damaged"), ExitCode.DAMAGED, "damaged"),
        (account({"story": 4}, reason="start_error"), ExitCode.INTERNAL, "seeds"),
        (account({"story": 4}, reason="interrupted", discovered=5), ExitCode.INTERNAL, "outcomes recorded"),
        (account({"story": 40}, reason="memusage_exceeded"), ExitCode.STORAGE, "memory"),
        (account({"unreadable": 9, "list": 1}, rejects={"ReaderCrashed": 9}), ExitCode.INTERNAL, "9 of 9 pages"),
        (account({"unreachable": 12}), ExitCode.UNREACHABLE, "12 unreachable"),
        (account({"blocked": 3, "pending": 9}), ExitCode.UNREACHABLE, "3 blocked"),
        (account({"robots": 58}), ExitCode.UNREACHABLE, "robots.txt"),
        (account({"story": 40}, lists={"latest/seen": 9}), ExitCode.BELOW_EXPECTATION, "no list popular"),
        (account({"story": 40, "http_error": 30}), ExitCode.BELOW_EXPECTATION, "30 of 70 requests failed"),
        (account({"list": 9, "soft_error": 8}, retry_failed={"soft_error": 8}), ExitCode.DONE, ""),
        (account({"list": 9, "soft_error": 8}, retry_failed={"soft_error": 4}), ExitCode.BELOW_EXPECTATION, "4 of 13"),
        (
            account({"story": 6, "rejected": 4}, rejects={"NoBody": 4}),
            ExitCode.BELOW_EXPECTATION,
            "4 of 10 story pages",
        ),
        (account({"story": 3, "rejected": 7}, rejects={"NoHeadline": 7}), ExitCode.LAYOUT_CHANGED, "7 × NoHeadline"),
        (account({"rejected": 40}, rejects={"UnknownLayout": 40}), ExitCode.LAYOUT_CHANGED, "40 × UnknownLayout"),
        (account({"rejected": 4}, rejects={"UnknownLayout": 4}), ExitCode.DONE, ""),
    ],
)
def test_an_account_gets_the_verdict_that_it_deserves(of: dict[str, Any], code: ExitCode, said: str) -> None:
    verdict = evaluate(of, EXPECTED)
    assert verdict.exit_code == code
    assert said in " ".join(verdict.problems)
    assert bool(verdict.problems) == bool(code)


def test_the_gravest_problem_comes_first_and_the_others_are_told_too() -> None:
    verdict = evaluate(account({"story": 3, "http_error": 30}, reason="killed", lists={}), EXPECTED)
    assert verdict.exit_code == ExitCode.INTERNAL
    assert [problem.split()[0] for problem in verdict.problems] == ["the", "no", "no", "30"]


@pytest.mark.parametrize(
    ("of", "keys"),
    [
        (account({"story": 40}), []),
        (account({"story": 40}, discovered=41), ["urls"]),
        (account({"story": 40}, reason="killed"), ["broken_off"]),
        (account({"story": 40}, reason="storage"), ["storage"]),
        (account({"story": 40}, reason="damaged"), ["damaged"]),
        (account({"unreachable": 12}), ["unreachable"]),
        (account({"unreachable": 3}, reason="unreachable"), ["unreachable"]),
        (account({"story": 9, "unreachable": 5}, reason="unreachable"), ["unreachable"]),
        (account({"blocked": 3, "pending": 9}), ["blocked"]),
        (account({"blocked": 3, "story": 40}, reason="blocked"), ["blocked"]),
        (account({"robots": 58}), ["robots"]),
        (account({"unreadable": 9, "list": 1}, rejects={"ReaderCrashed": 9}), ["crashed"]),
        (account({"story": 40}, lists={}), ["list/latest", "list/popular"]),
        (account({"story": 3, "rejected": 7}, rejects={"NoHeadline": 7}), ["layout"]),
        (account({"story": 40, "http_error": 30}), ["failed"]),
        # Whoever ends a run knows that.
        (account({"story": 40}, reason="interrupted"), []),
    ],
)
def test_each_problem_has_an_alarm_with_a_key_of_its_own(of: dict[str, Any], keys: list[str]) -> None:
    alarms = evaluate(of, EXPECTED).alarms
    assert [alarm.key for alarm in alarms] == [f"kalbela/{key}" for key in keys]
    for alarm in alarms:
        assert alarm.as_dict().keys() >= {"key", "kind", "site", "sentence"}
        assert alarm.kind == alarm.key.split("/")[1]


def alarm(key: str, code: ExitCode, sentence: str, **more: Any) -> Alarm:
    return Alarm(key=f"kalbela/{key}", kind=key.partition("/")[0], code=code, sentence=sentence, more=more)


def test_a_drift_is_a_problem_and_what_it_names_is_not_told_twice() -> None:
    body = alarm("field/body", ExitCode.LAYOUT_CHANGED, "body: gone", field="body")
    verdict = evaluate(account({"story": 3, "rejected": 7}, rejects={"NoBody": 7}), EXPECTED, [body])
    assert (verdict.exit_code, verdict.problems) == (9, ("body: gone",))
    gone = alarm("list/latest", ExitCode.BELOW_EXPECTATION, "latest: shown on 0 of 40 pages", list="latest")
    verdict = evaluate(account({"story": 40}, lists={"popular/seen": 9}), EXPECTED, [gone])
    assert (verdict.exit_code, verdict.problems) == (3, ("latest: shown on 0 of 40 pages",))


def test_an_alarm_that_is_only_carried_on_stands_and_is_no_problem_of_this_run() -> None:
    still = alarm("field/byline", ExitCode.DONE, "byline: still an alarm", field="byline")
    verdict = evaluate(account({"list": 3}), EXPECTED, [still])
    assert (verdict.exit_code, verdict.problems, verdict.alarms) == (0, (), (still,))
