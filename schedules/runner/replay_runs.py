"""Replays of runs: each is a run process whose responses come from the archive."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from crawler.clock import stopped_at
from crawler.suggestions import closest
from pipelines.replay.replay import Replay, crawl_settings
from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import ExitCode, WrongUsage
from schedules.reports.history import copy_acknowledgements
from schedules.reports.report import read_report, run_ids, site_of
from schedules.runner.run_all import run_all
from schedules.runner.run_process import RunOptions, RunProcess

SETTINGS = "pipelines.replay.replay_settings"
#: Exit codes of a run that came to its own end; they are part of the result of a replay, which then is done.
_ENDED = (ExitCode.DONE, ExitCode.BELOW_EXPECTATION, ExitCode.UNREACHABLE, ExitCode.LAYOUT_CHANGED)
_ANSWERS = ("recorded", "failed", "earlier", "not_archived", "lost", "stopped")
_MAX_SUGGESTED = 1_000


def runs_by_site(dataset: DataFolder, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of runs by site; raise :class:`WrongUsage` if a run is unknown, with a similar one."""
    known = run_ids(dataset)
    by_site: dict[str, list[str]] = {}
    for run_id in dict.fromkeys(wanted):
        if run_id not in known:
            near = closest(run_id, known[-_MAX_SUGGESTED:])
            hint = f"; did you mean {near!r}?" if near else "; `khobor runs` lists them"
            raise WrongUsage(f"there is no run {run_id!r} in {dataset.runs}{hint}")
        by_site.setdefault(site_of(run_id), []).append(run_id)
    return by_site


def replay_runs(
    replay: Replay, look: Callable[[RunProcess], None], log: Callable[[str], None]
) -> tuple[list[dict[str, Any]], int]:
    """Replay the runs one after the other; return the result of each, and the exit code of the command."""
    results = []
    copy_acknowledgements(replay.source, replay.target, replay.spider.name)
    for run_id in replay.runs:
        night = read_report(replay.source, run_id)
        options = RunOptions(
            replay.spider,
            replay.target,
            (night.get("options") or {}).get("seeds", ()),
            crawl_settings(replay.source, night),
            run_id=run_id,
            settings_module=SETTINGS,
        )
        with stopped_at(datetime.fromisoformat(night["started_at"])):
            [report] = run_all([options], look, log)
        results.append(_result(run_id, night, report))
        if report["exit_code"] not in _ENDED and not results[-1]["answers"]["stopped"]:
            return results, report["exit_code"]
    return results, ExitCode.DONE


def _result(run_id: str, night: Mapping[str, Any], replayed: Mapping[str, Any]) -> dict[str, Any]:
    stats = replayed.get("stats") or {}
    return {
        "run_id": run_id,
        "answers": {name: stats.get(f"khobor/replay/{name}", 0) for name in _ANSWERS},
        **{name: _summary(report) for name, report in (("night", night), ("replay", replayed))},
    }


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: report.get(name) for name in ("reason", "requests", "stories", "verdict")}
