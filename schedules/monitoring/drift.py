"""Detection of drift: significant changes since earlier runs, such as fewer stories with a byline.

Each change is one of a share, that is, of a count k of n.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from schedules.monitoring.field_shares import (
    Extractors,
    LostExtractor,
    RunShares,
    ShareName,
    length_shares,
    most_lost,
)
from schedules.monitoring.statistics import (
    NEARLY_ALWAYS,
    NEARLY_NEVER,
    Count,
    bayes_factor,
    p_value_high,
    p_value_low,
    pooled,
    share,
)
from schedules.reports.history import Acknowledgement, Report, alarm_in, of_mode, transient_runs

#: At most one false alarm is expected in this number of normal runs.
RUNS_PER_FALSE_ALARM = 1_000
# Numbers of latest runs that are tested together, since a single run may have read too few pages to show a fault.
_WINDOWS = (1, 2, 4, 8, 16)
_MAX_RUNS, _MIN_PAGES_BEFORE, _MIN_PAGES = 30, 100, 5
_LENGTH_TAILS = (0.05, 0.5)
_PRESENCE = ("filled", "beside stories")
# Columns that are derived from other columns, and have no alarm of their own if those have drifted.
_DERIVED_FROM = {
    "field/agency": ("field/body", "field/byline"),
    "field/authors": ("field/byline",),
    "field/image_credit": ("field/image_caption",),
}
# Bayes factor (odds of 20 to 1) from which on a broken share counts as recovered.
_RECOVERED = 20.0


@dataclass(frozen=True)
class Drift:
    """Significant change of a share since earlier runs of the site, such as the share of stories with a byline.

    ``now`` is the count in the latest ``runs`` runs, and ``before`` is the count in the ``runs_before`` runs before
    them. If the latest run has too few pages to confirm or refute a drift found by the previous run, that drift is
    carried over, and ``current`` is the count of the latest run; otherwise ``current`` is None.
    """

    name: ShareName
    now: Count
    before: Count
    p_value: float
    runs: int = 1
    runs_before: int = 0
    since: str | None = None
    current: Count | None = None

    @property
    def is_carried(self) -> bool:
        return self.current is not None

    @property
    def _severity(self) -> tuple[int, float]:
        """Sort key: changes in filled fields first, then other measures, then extractors; lower p-values first."""
        return 0 if self.name.how == "filled" else 2 if self.name.how == "by" else 1, self.p_value


class Comparison:
    """Comparison of a run (one crawl of a site) with earlier runs of the same site.

    :param past: reports of the earlier runs, latest first
    :param extractors: names of the declared extractors (functions that find a field on a page), by layout and column
    :param usual: columns that nearly every story has, by layout
    :param acknowledged: alarms that an operator has marked as an intended change, by alarm key
    """

    def __init__(
        self,
        report: Report,
        past: Sequence[Report],
        extractors: Extractors,
        usual: Mapping[str, frozenset[str]],
        acknowledged: Mapping[str, Acknowledgement],
    ) -> None:
        self.report, self._past, self._extractors, self._usual = report, past, extractors, usual
        self._acknowledged = acknowledged
        self._same_mode = list(of_mode(past, report.get("mode")))
        self._shares = RunShares(extractors)
        self._transient: dict[str, set[str]] = {}

    def key(self, about: str) -> str:
        return f"{self.report['site']}/{about}"

    def drifts(self) -> list[Drift]:
        """Return the most severe significant change of each subject, such as a field, a list or a reject reason."""
        names = [*self._shares.shares(self.report), *self._length_names()]
        presence = sum(name.how in _PRESENCE for name in names)
        # Half of the permitted false alarms go to measures of presence, and half to all other measures.
        levels = {True: 0.5 / max(1, presence), False: 0.5 / max(1, len(names) - presence)}
        drifts: dict[str, Drift] = {}
        for name in names:
            drift = self._drift(name, levels[name.how in _PRESENCE] / RUNS_PER_FALSE_ALARM)
            known = drifts.get(name.about)
            if drift is not None and (known is None or drift._severity < known._severity):
                drifts[name.about] = drift
        drifts |= {drift.name.about: drift for drift in self._carried(drifts)}
        broken = {about for about, drift in drifts.items() if drift.name.how in ("filled", "by")}
        return [drift for about, drift in drifts.items() if broken.isdisjoint(_DERIVED_FROM.get(about, ()))]

    def _drift(self, name: ShareName, level: float) -> Drift | None:
        """Test if a share has changed significantly since earlier runs, at the significance level ``level``.

        The share in the latest 1, 2, 4, 8 and 16 runs is tested against the share in the runs before them. Returns the
        change with the lowest p-value, or None if no change is significant.
        """
        now = self._shares.count(self.report, name)
        if now[0] == (0 if name.high_is_bad else now[1]):  # no loss, or no pages
            return None
        same, others = self._counts(name), cache(lambda: self._counts(name, same_mode=False))
        best: Drift | None = None
        for width in _WINDOWS:
            window = [now, *same[: width - 1]]
            count = pooled(window)
            before = same[width - 1 :][:_MAX_RUNS]
            if pooled(before)[1] < _MIN_PAGES_BEFORE:
                # Too few pages in runs of this mode: add runs of the other mode; without any run, use the prior.
                before = [*before, *others()] or ([] if same else self._prior(name))
            usual = pooled(before)
            if width == 1 and before and (share(now) <= share(usual)) == name.high_is_bad:
                return None  # this run is no worse than usual
            if width > 1 and any(bayes_factor(each, usual, count) >= _RECOVERED for each in window):
                break  # a run in the window is normal, so an earlier fault has ended
            if count[1] >= _MIN_PAGES and before and len(same) >= width - 1:
                p_value = (p_value_high if name.high_is_bad else p_value_low)(count, before)
                if p_value < level and (best is None or p_value < best.p_value):
                    runs_before = 0 if before[0] in (NEARLY_ALWAYS, NEARLY_NEVER) else len(before)
                    best = Drift(name, count, usual, p_value, width, runs_before)
            if count[1] >= 10 * _MIN_PAGES_BEFORE:
                break
        return best

    def _counts(self, name: ShareName, *, same_mode: bool = True) -> list[Count]:
        """Return the counts of a share in earlier good runs, latest first.

        :param same_mode: true for the runs in the same mode as this one, false for all others
        """
        mode = self.report.get("mode")
        runs = (run for run in self._past if (run.get("mode") == mode) is same_mode and self._is_good(run, name.about))
        counts = (self._shares.count(run, name) for run in runs)
        return list(islice((count for count in counts if count[1]), _MAX_RUNS + _WINDOWS[-1]))

    def _prior(self, name: ShareName) -> list[Count]:
        """Return an assumed count for the comparison of a share before there are earlier runs.

        It has one count for a column of nearly every story, and one for updates before the publication, or none.
        """
        if name.how == "too early" and self.key(name.about) not in self._acknowledged:
            return [NEARLY_NEVER]
        column = name.about.removeprefix("field/")
        layouts = (self.report.get("measures") or {}).get("layouts") or {}
        usual = layouts and all(column in self._usual.get(layout, ()) for layout in layouts)
        if name.how != "filled" or self.key(name.about) in self._acknowledged:
            return []
        return [NEARLY_ALWAYS] if usual or column in ("headline", "body") else []

    def _is_good(self, run: Report, about: str) -> bool:
        """Return True if an earlier run can be a reference for a subject, such as a field.

        Such a run has no alarm about the subject, or only one that was acknowledged or lasted for a single run. It
        must not be older than an acknowledged change of the subject.
        """
        key = self.key(about)
        acknowledged, has_alarm = self._acknowledged.get(key), alarm_in(run, key) is not None
        if acknowledged is not None:
            return acknowledged.since <= run["run_id"] and not (has_alarm and run["run_id"] > acknowledged.until)
        if has_alarm and about not in self._transient:
            self._transient[about] = transient_runs(self._same_mode, key)
        return not has_alarm or run["run_id"] in self._transient[about]

    def _length_names(self) -> Iterator[ShareName]:
        """Yield the names of shares that count unusually short or long values of a column.

        The limits of length are quantiles of the lengths in earlier good runs.
        """
        for about, measure in self._shares.lengths(self.report):
            usual: Counter[int] = Counter()
            for run in self._good(about):
                usual.update(self._shares.lengths(run).get((about, measure), {}))
            for tail in _LENGTH_TAILS if usual else ():
                yield from length_shares(about, measure, usual, tail)

    def _carried(self, drifts: Mapping[str, Drift]) -> Iterator[Drift]:
        """Yield the drifts of the previous run that are still open after this one.

        These are the drifts for which this run shows neither a new drift of the same subject nor a recovery.
        """
        previous = next(iter(self._same_mode), {})
        for alarm in previous.get("alarms") or ():
            acknowledged, measure = self._acknowledged.get(alarm["key"]), alarm.get("measure")
            if not measure or (acknowledged and acknowledged.until >= previous["run_id"]):
                continue
            name, before, broken = ShareName(*measure["name"]), tuple(measure["before"]), tuple(measure["now"])
            current = self._shares.count(self.report, name)
            recovered = current[1] and bayes_factor(current, before, broken) >= _RECOVERED
            if name.about not in drifts and not recovered and not (name.how == "by" and self._is_replaced(name)):
                runs = {"runs": measure["runs"], "runs_before": measure["runs_before"]}
                yield Drift(name, broken, before, measure["chance"], since=alarm["since_run"], current=current, **runs)

    def _is_replaced(self, name: ShareName) -> bool:
        """Return True if a lost extractor is no longer used, and its field is found by others.

        An extractor is not used if it is no longer declared, or if no page has its layout.
        """
        filled = self._shares.count(self.report, ShareName(name.about, "filled"))
        return name not in self._shares.shares(self.report) and filled[0] >= _MIN_PAGES

    def lost_extractor(self, about: str) -> LostExtractor | None:
        """Return the extractor that finds a field on fewer pages than before, or None if there is none.

        If there are several, it is the one whose share of the pages fell most.
        """
        return most_lost(about.removeprefix("field/"), self.report, self._good(about), self._extractors)

    def _good(self, about: str) -> list[Report]:
        return [run for run in self._past if run.get("measures") and self._is_good(run, about)][:_MAX_RUNS]

    def since(self, drift: Drift) -> str:
        """Return the id of the first run in which the share was already closer to its new than to its old value."""
        if drift.since is not None:
            return drift.since
        first: str = self.report["run_id"]
        for run in self._past:
            count = self._shares.count(run, drift.name)
            if not count[1]:
                continue
            if alarm := alarm_in(run, self.key(drift.name.about)):
                return str(alarm.get("since_run") or run["run_id"])
            if bayes_factor(count, drift.before, drift.now) >= 1:
                break
            first = run["run_id"]
        return first
