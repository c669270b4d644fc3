"""Reports: what a run that ended says of itself, also one of an older version, in one shape."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from schedules.exit_codes import ExitCode

# The columns of `stories` that a page gives. Reports of old count all columns, and these alone can go missing.
COLUMNS = (
    *("section", "headline", "kicker", "byline", "published_at", "updated_at", "edition", "agency"),
    *("image_url", "image_caption", "image_credit", "body", "tags"),
)
WORDS: Mapping[int, str] = {
    ExitCode.DONE: "good",
    ExitCode.INTERNAL: "an error of ours",
    ExitCode.USAGE: "wrong usage",
    ExitCode.BELOW_EXPECTATION: "below expectation",
    ExitCode.UNREACHABLE: "unreachable or turned away",
    ExitCode.LOCKED: "the site was held",
    ExitCode.STORAGE: "storage",
    ExitCode.DAMAGED: "damaged data",
    ExitCode.LAYOUT_CHANGED: "the layout changed",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "told to end",
}


class NoReport(ValueError):
    """The file holds no report of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run that ended; times are ISO 8601 in UTC, `fields` is `{column: {"filled", "of", "by"}}`."""

    run_id: str
    site: str
    kind: str | None
    schedule: str | None
    started_at: str
    ended_at: str
    seconds: float
    reason: str
    exit_code: int
    good: bool
    word: str
    problems: list[str]
    requests: int
    discovered: int
    balanced: bool
    read: int
    new: int
    revised: int
    unchanged: int
    copies: int
    gone: int
    refused: int
    outcomes: dict[str, int]
    rejects: dict[str, int]
    lists: dict[str, int]
    fields: dict[str, dict[str, Any]]
    alarms: list[dict[str, Any]]
    coverage: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def started(self) -> datetime:
        return datetime.fromisoformat(self.started_at)

    @property
    def ended(self) -> datetime:
        return datetime.fromisoformat(self.ended_at)


def ran(report: Any, kinds: Mapping[str, str]) -> Ran:
    """The run of a report as it was read from JSON; ``kinds`` tells those of the timetable's schedules.

    Raises :class:`NoReport` where the file says not even which run it is of, and when.
    """
    report = _mapping(report)
    started, ended = _moment(report.get("started_at")), _moment(report.get("ended_at"))
    if not isinstance(report.get("run_id"), str) or not isinstance(report.get("site"), str) or started is None:
        raise NoReport("no report of a run")
    ended = ended or started
    verdict, books, stories = (_mapping(report.get(name)) for name in ("verdict", "books", "stories"))
    schedule = _mapping(report.get("schedule")).get("name")
    code = _whole(verdict.get("exit_code"), ExitCode.INTERNAL)
    counts = {name: _whole(stories.get(name)) for name in ("new", "revised", "unchanged", "copies", "gone")}
    rejects = _counts(report.get("rejects"))
    kind = report.get("kind") or kinds.get(str(schedule))
    return Ran(
        run_id=report["run_id"],
        site=report["site"],
        kind=str(kind) if kind else None,
        schedule=str(schedule) if schedule else None,
        started_at=started.isoformat(),
        ended_at=ended.isoformat(),
        seconds=(ended - started).total_seconds(),
        reason=str(report.get("reason") or ""),
        exit_code=code,
        good=code == 0,
        word=WORDS.get(code, f"exit code {code}"),
        problems=[str(problem) for problem in _sequence(verdict.get("problems"))],
        requests=_whole(report.get("requests")),
        discovered=_whole(books.get("discovered")),
        balanced=books.get("balanced") is True,
        read=counts["new"] + counts["revised"] + counts["unchanged"] + counts["copies"],
        refused=sum(rejects.values()),
        outcomes=_counts(books.get("outcomes")),
        rejects=rejects,
        lists=_counts(report.get("lists")),
        fields=_fields(_mapping(report.get("fields"))),
        alarms=[alarm for each in _sequence(report.get("alarms")) if (alarm := alarm_of(each, report))],
        coverage=dict(_mapping(report.get("coverage"))) or None,
        **counts,
    )


def _fields(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Filled and of how many; a report of old counts the filled ones only, and every story has a headline."""
    of = _whole(told.get("headline"))
    found = {}
    for name in COLUMNS:
        value = told.get(name)
        if isinstance(value, Mapping):
            filled = {"filled": _whole(value.get("filled")), "of": _whole(value.get("of"))}
            found[name] = {**filled, "by": _counts(value.get("by"))}
        elif of:
            found[name] = {"filled": _whole(value), "of": of, "by": {}}
    return found


def alarm_of(told: Any, report: Mapping[str, Any]) -> dict[str, Any] | None:
    """An alarm as the page tells it; None for what is none."""
    if not isinstance(told, Mapping) or not told.get("key"):
        return None
    text = {name: str(told[name]) for name in ("key", "kind", "field", "layout", "selector", "since") if told.get(name)}
    samples = [str(path) for path in _sequence(told.get("samples"))]
    sentence = str(told.get("sentence") or told["key"])
    site = str(told.get("site") or report.get("site") or "")
    return {"kind": "alarm", **text, "site": site, "samples": samples, "sentence": sentence}


def _counts(value: Any) -> dict[str, int]:
    return {str(name): n for name, n in _mapping(value).items() if isinstance(n, int)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any, otherwise: int = 0) -> int:
    return value if isinstance(value, int) else int(otherwise)


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
