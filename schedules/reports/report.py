"""Report of a run, that is, of one crawl of a site (`runs/*.json`), parsed into a typed record.

A report may be damaged, edited by hand or written by another version of this program. Therefore every part is optional
except the id, the site and the start time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from pipelines.storage.run_reports import InvalidReport as InvalidReport
from pipelines.storage.run_reports import read_report as read_report
from pipelines.storage.run_reports import rolled_up_reports as rolled_up_reports
from pipelines.storage.run_reports import run_ids as run_ids
from pipelines.storage.run_reports import run_ids_of_sites as run_ids_of_sites
from pipelines.storage.run_reports import site_of as site_of
from schedules.exit_codes import ExitCode

#: The columns of `stories` that are extracted from a page.
COLUMNS = (
    *("section", "headline", "kicker", "subtitle", "byline", "authors", "published_at", "updated_at", "edition"),
    *("agency", "image_url", "image_caption", "image_credit", "body", "tags"),
)
EXIT_CODE_LABELS: Mapping[int, str] = {
    ExitCode.DONE: "good",
    ExitCode.INTERNAL: "internal error",
    ExitCode.USAGE: "wrong usage",
    ExitCode.BELOW_EXPECTATION: "below expectation",
    ExitCode.UNREACHABLE: "unreachable or blocked",
    ExitCode.LOCKED: "site locked by another run",
    ExitCode.STORAGE: "storage",
    ExitCode.DAMAGED: "damaged data",
    ExitCode.LAYOUT_CHANGED: "layout changed",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Report of a finished run (one crawl of a site); times are ISO 8601 strings in UTC.

    `fields` has three counts for each column: the stories parsed (`of`), those with a value (`filled`), and the values
    by the extractor that found them (`by`).
    """

    run_id: str
    site: str
    mode: str | None
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
    complete: bool
    read: int
    new: int
    revised: int
    unchanged: int
    exact_duplicates: int
    gone: int
    rejected: int
    outcomes: dict[str, int]
    rejects: dict[str, int]
    lists: dict[str, int]
    fields: dict[str, dict[str, Any]]
    alarms: list[dict[str, Any]]
    coverage: dict[str, Any] | None

    def as_dict(self, without: Collection[str] = ()) -> dict[str, Any]:
        """Return the fields of the report by name, except those in ``without``; their values are not copied."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in without}

    @property
    def started(self) -> datetime:
        return datetime.fromisoformat(self.started_at)

    @property
    def ended(self) -> datetime:
        return datetime.fromisoformat(self.ended_at)


def parse_report(report: Mapping[str, Any], modes: Mapping[str, str]) -> RunReport:
    """Parse the report of a run; raises :class:`InvalidReport` if its id, site or start time is missing or invalid.

    :param modes: mode (full or incremental) of each schedule; it is used for a run that was killed before its mode
        was recorded
    """
    started = _time(report.get("started_at"))
    if not isinstance(report.get("run_id"), str) or not isinstance(report.get("site"), str) or started is None:
        raise InvalidReport("the report has no run_id, site or started_at")
    ended = _time(report.get("ended_at")) or started
    verdict, urls, stories = (_mapping(report.get(name)) for name in ("verdict", "urls", "stories"))
    schedule = _mapping(report.get("schedule")).get("name")
    code = _int(verdict.get("exit_code"), ExitCode.INTERNAL)
    counts = {name: _int(stories.get(name)) for name in ("new", "revised", "unchanged", "exact_duplicates", "gone")}
    rejects = _counts(report.get("rejects"))
    mode = report.get("mode") or modes.get(str(schedule))
    return RunReport(
        run_id=report["run_id"],
        site=report["site"],
        mode=str(mode) if mode else None,
        schedule=str(schedule) if schedule else None,
        started_at=started.isoformat(),
        ended_at=ended.isoformat(),
        seconds=(ended - started).total_seconds(),
        reason=str(report.get("reason") or ""),
        exit_code=code,
        good=code == 0,
        word=EXIT_CODE_LABELS.get(code, f"exit code {code}"),
        problems=[str(problem) for problem in _list(verdict.get("problems"))],
        requests=_int(report.get("requests")),
        discovered=_int(urls.get("discovered")),
        complete=urls.get("complete") is True,
        read=counts["new"] + counts["revised"] + counts["unchanged"] + counts["exact_duplicates"],
        rejected=sum(rejects.values()),
        outcomes=_counts(urls.get("outcomes")),
        rejects=rejects,
        lists=_counts(report.get("lists")),
        fields={
            name: {"filled": _int(field.get("filled")), "of": _int(field.get("of")), "by": _counts(field.get("by"))}
            for name in COLUMNS
            if (field := _mapping(_mapping(report.get("fields")).get(name)))
        },
        alarms=[alarm for value in _list(report.get("alarms")) if (alarm := parse_alarm(value, report["site"]))],
        coverage=dict(_mapping(report.get("coverage"))) or None,
        **counts,
    )


def parse_alarm(value: Any, site: str) -> dict[str, Any] | None:
    """Parse an alarm in the report of a run for display; return None if it has no key.

    :param site: site of the alarm, if the alarm itself does not have it
    """
    if not (alarm := _mapping(value)).get("key"):
        return None
    text = {
        name: str(alarm[name]) for name in ("key", "kind", "field", "layout", "selector", "since") if alarm.get(name)
    }
    return {
        "kind": "alarm",
        **text,
        "site": str(alarm.get("site") or site),
        "samples": [str(path) for path in _list(alarm.get("samples"))],
        "sentence": str(alarm.get("sentence") or alarm["key"]),
    }


def describe_page(sample: str) -> str:
    """Return how to look at a sample page of an alarm, which is a place in the archive or a URL."""
    return f"`khobor archive show {sample}`" if sample.startswith("archive/") else f"{sample} (not archived)"


def _counts(value: Any) -> dict[str, int]:
    return {str(name): n for name, n in _mapping(value).items() if isinstance(n, int)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _int(value: Any, default: int = 0) -> int:
    return value if isinstance(value, int) else int(default)


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None
