"""Drift: which shares of a run are not what those of the runs before were, and cannot be so by chance."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from schedules.monitoring.field_shares import Counted, Name, Quiet, Sources, beyond, quietest
from schedules.monitoring.statistics import (
    NEARLY_ALWAYS,
    Count,
    chance_of_so_few,
    chance_of_so_many,
    evidence_of_return,
)
from schedules.reports.history import Acknowledgement, Report, alarm_in, of_mode, transient_runs

#: Of so many runs that are as always, one may raise a false alarm.
RUNS_PER_FALSE_ALARM = 1_000
# A fault is sought in the last run, and in the last few together where each of them read little.
_WINDOWS = (1, 2, 4, 8, 16)
_RUNS_COMPARED, _PAGES_THAT_TELL = 30, 100
_LEAST = 5
_LENGTHS_BELOW = (0.05, 0.5)
_GONE = ("filled", "beside stories")
_MADE_OF = {"field/agency": ("field/body", "field/byline"), "field/image_credit": ("field/image_caption",)}
# One in twenty that a field which was broken still is.
_MENDED_FROM = 20.0


@dataclass(frozen=True)
class Drift:
    """A share that is not what it was: what it is now, in how many runs, what it was before, and in how many.

    ``chance`` is that of being so far from what it was. One that was found earlier and that this run neither shows nor
    disproves is as it was found; ``here`` is then what this run counted.
    """

    name: Name
    now: Count
    before: Count
    chance: float
    runs: int = 1
    runs_before: int = 0
    since: str | None = None
    here: Count | None = None

    @property
    def stays(self) -> bool:
        """Whether it was found earlier, and not by this run."""
        return self.here is not None


class Comparison:
    """A run beside those before it, latest first."""

    def __init__(
        self,
        report: Report,
        past: Sequence[Report],
        sources: Sources,
        usual: Mapping[str, frozenset[str]],
        accepted: Mapping[str, Acknowledgement],
    ) -> None:
        """:param usual: by layout, the columns that nearly every story has; :param accepted: by key of its alarm"""
        self.report, self._past, self._sources, self._usual, self._accepted = report, past, sources, usual, accepted
        self._site = report["site"]
        self._counted = Counted(sources)
        self._passed: dict[str, set[str]] = {}

    def key(self, about: str) -> str:
        """The key of the alarm about something."""
        return f"{self._site}/{about}"

    def drifts(self) -> list[Drift]:
        """The gravest drift of each thing that drifted."""
        questions = [*self._counted.shares(self.report), *self._length_questions()]
        gone = sum(name.how in _GONE for name in questions)
        # What is gone may raise as many false alarms as everything else together.
        most = {True: 0.5 / max(1, gone), False: 0.5 / max(1, len(questions) - gone)}
        found: dict[str, Drift] = {}
        for name in questions:
            drift = self._drift(name, most[name.how in _GONE] / RUNS_PER_FALSE_ALARM)
            known = found.get(name.about)
            if drift is not None and (known is None or _gravity(drift) < _gravity(known)):
                found[name.about] = drift
        for drift in self._lasting(found):
            found[drift.name.about] = drift
        return [drift for about, drift in found.items() if not _follows(about, found)]

    # One question ----------------------------------------------------------------------------------------------------

    def _drift(self, name: Name, most: float) -> Drift | None:
        """The drift of a share, if there is one that has no more than that chance; in the window that shows it best."""
        now = self._counted.count(self.report, name)
        if now[0] == (0 if name.many else now[1]):  # as good as can be, or nothing to tell
            return None
        mode = self.report.get("mode")
        same, others = self._counts(name, mode), cache(lambda: self._counts(name, mode, other=True))
        best: Drift | None = None
        for width in _WINDOWS:
            window = [now, *same[: width - 1]]
            counted = _together(window)
            before = same[width - 1 :][:_RUNS_COMPARED]
            if _together(before)[1] < _PAGES_THAT_TELL:
                # Too few runs of the same mode: those of any mode, or else what is known without any.
                before = [*before, *others()] or ([] if same else self._known_of(name))
            usual = _together(before)
            if width == 1 and before and (_share(now) <= _share(usual)) == name.many:
                return None  # what this run shows is no worse than ever
            if width > 1 and any(evidence_of_return(each, usual, counted) >= _MENDED_FROM for each in window):
                break  # one of them is as always: what was before it has passed
            if counted[1] >= _LEAST and before and len(same) >= width - 1:
                chance = (chance_of_so_many if name.many else chance_of_so_few)(counted, before)
                if chance < most and (best is None or chance < best.chance):
                    runs_before = 0 if before[0] is NEARLY_ALWAYS else len(before)
                    best = Drift(name, counted, usual, chance, width, runs_before)
            if counted[1] >= 10 * _PAGES_THAT_TELL:
                break
        return best

    def _counts(self, name: Name, mode: str | None, *, other: bool = False) -> list[Count]:
        """A share in the good runs of one mode, or of the others, latest first; of none that it tells nothing of."""
        runs = (run for run in self._past if (run.get("mode") == mode) != other and not self._is_bad(run, name.about))
        counts = (self._counted.count(run, name) for run in runs)
        return list(islice((count for count in counts if count[1]), _RUNS_COMPARED + _WINDOWS[-1]))

    def _known_of(self, name: Name) -> list[Count]:
        """What the newspaper's file says of a column, for as long as there is no run to tell."""
        column = name.about.removeprefix("field/")
        layouts = (self.report.get("measures") or {}).get("layouts") or {}
        usual = layouts and all(column in self._usual.get(layout, ()) for layout in layouts)
        if name.how != "filled" or self.key(name.about) in self._accepted:
            return []
        return [NEARLY_ALWAYS] if usual or column in ("headline", "body") else []

    def _is_bad(self, run: Report, about: str) -> bool:
        """Whether a run is no measure: it raised that alarm itself, or it was before a change that is right."""
        key = self.key(about)
        accepted = self._accepted.get(key)
        if accepted is None:
            return alarm_in(run, key) is not None and run["run_id"] not in self._passing(about)
        return run["run_id"] < accepted.since or (alarm_in(run, key) is not None and run["run_id"] > accepted.until)

    def _passing(self, about: str) -> set[str]:
        if about not in self._passed:
            own = list(of_mode(self._past, self.report.get("mode")))
            self._passed[about] = transient_runs(own, self.key(about))
        return self._passed[about]

    # Lengths ---------------------------------------------------------------------------------------------------------

    def _length_questions(self) -> Iterator[Name]:
        """Whether values are shorter, or longer, than most were: most being told by the runs before."""
        for about, how in self._counted.lengths(self.report):
            pooled: Counter[int] = Counter()
            for run in self._good(about):
                pooled.update(self._counted.lengths(run).get((about, how), {}))
            for share in _LENGTHS_BELOW if pooled else ():
                yield from beyond(about, how, pooled, share)

    # What lasts ------------------------------------------------------------------------------------------------------

    def _lasting(self, found: Mapping[str, Drift]) -> Iterator[Drift]:
        """Drifts of the run before that this one neither shows again nor disproves."""
        previous = next(of_mode(self._past, self.report.get("mode")), None)
        for alarm in (previous or {}).get("alarms") or ():
            accepted = self._accepted.get(alarm["key"])
            if "measure" not in alarm or (accepted and previous and accepted.until >= previous["run_id"]):
                continue
            measure = alarm["measure"]
            name, before, broken = Name(*measure["name"]), tuple(measure["before"]), tuple(measure["now"])
            here = self._counted.count(self.report, name)
            mended = here[1] and evidence_of_return(here, before, broken) >= _MENDED_FROM
            mended = mended or (name.how == "by" and self._reads_otherwise(name))
            if name.about not in found and not mended:
                runs = {"runs": measure["runs"], "runs_before": measure["runs_before"]}
                yield Drift(name, broken, before, measure["chance"], since=alarm["since_run"], here=here, **runs)

    def _reads_otherwise(self, name: Name) -> bool:
        """Whether the field is read, and the source that went quiet is declared no more or its layout reads no page."""
        filled = self._counted.count(self.report, Name(name.about, "filled"))
        return name not in self._counted.shares(self.report) and filled[0] >= _LEAST

    # Which source, and since when ------------------------------------------------------------------------------------

    def quiet_source(self, about: str) -> Quiet | None:
        """The source of a field that lost most; None where none gives less than it did."""
        return quietest(about.removeprefix("field/"), self.report, self._good(about), self._sources)

    def _good(self, about: str) -> list[Report]:
        return [run for run in self._past if run.get("measures") and not self._is_bad(run, about)][:_RUNS_COMPARED]

    def since(self, drift: Drift) -> str:
        """The run from which on the share was more like what it is now than like what it was before."""
        if drift.since is not None:
            return drift.since
        first: str = self.report["run_id"]
        for run in self._past:
            count = self._counted.count(run, drift.name)
            if not count[1]:
                continue
            if alarm := alarm_in(run, self.key(drift.name.about)):
                return str(alarm.get("since_run") or run["run_id"])
            if evidence_of_return(count, drift.before, drift.now) >= 1:
                break
            first = run["run_id"]
        return first


def _follows(about: str, found: Mapping[str, Drift]) -> bool:
    """Whether the column is made of another one, which drifted too."""
    causes = _MADE_OF.get(about, ())
    return any(cause in found and found[cause].name.how in ("filled", "by") for cause in causes)


def _gravity(drift: Drift) -> tuple[int, float]:
    """What is gone counts before what is other than it was, and that before who gave it."""
    return 0 if drift.name.how == "filled" else 2 if drift.name.how == "by" else 1, drift.chance


def _share(count: Count) -> float:
    return count[0] / count[1] if count[1] else 0.0


def _together(counts: Sequence[Count]) -> Count:
    return sum(k for k, _ in counts), sum(n for _, n in counts)
