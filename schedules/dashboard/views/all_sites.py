"""Views over all sites and hosts: their state, worst first, the history of alarms and runs, and the use of disks."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from schedules.dashboard.query_params import PAGE_ROWS, Query

_RECENT_RUNS = 12
# A site is silent if its last run is older than this many of its usual intervals, and than two hours.
_SILENT_INTERVALS, _MIN_SILENCE = 3, timedelta(hours=2)
_MAX_SLOTS = 92
_SIZES = (
    "SELECT site, max(0, (day - :first) / :step) AS slot, max(day) AS day, tables + archive + ledger AS bytes FROM disk"
    " WHERE day <= :last AND (:site IS NULL OR site = :site) GROUP BY 1, 2 ORDER BY 1, 2"
)
_LAST_SIZES = (
    "SELECT site, host, run_id, tables, archive, ledger, free, max(day) AS day FROM disk"
    " WHERE :site IS NULL OR site = :site GROUP BY site"
)
#: States of a site, worst first.
_ORDER = {"bad": 0, "silent": 1, "good": 2, "none": 3}
_LATEST = "SELECT * FROM runs WHERE site = :site ORDER BY run_id DESC LIMIT :limit"
_ACTIVE = (
    "SELECT key, kind, sentence, first_at FROM episodes WHERE site = :site AND cleared_at IS NULL ORDER BY first_at"
)
_BAD_SINCE = (
    "SELECT min(started) AS since FROM runs WHERE site = :site AND run_id >"
    " coalesce((SELECT max(run_id) FROM runs WHERE site = :site AND exit_code = 0), '')"
)


def all_sites(query: Query) -> dict[str, Any]:
    """Return the state of each site of all hosts, worst first: bad, silent, good, without runs."""
    since = (query.moment - timedelta(days=1)).isoformat()
    day = {
        row["site"]: row
        for row in query.index(
            "SELECT site, count(*) AS runs, sum(new) AS new, sum(revised) AS revised FROM runs WHERE started >= :since"
            " GROUP BY site",
            since=since,
        )
    }
    sites = [_site(query, site.name, site.title, day.get(site.name)) for site in query.sites]
    sites.sort(key=lambda site: (_ORDER[site["state"]], site["since"] or "", site["site"]))
    counts = {state: sum(site["state"] == state for site in sites) for state in _ORDER}
    for site in sites:
        for name in ("since", "last"):
            site[f"{name}_age"] = _age(query.moment, site[name])
    return {"at": query.moment.isoformat(), "counts": counts, "sites": sites, **query.index_state()}


def _age(moment: datetime, start: str | None) -> str | None:
    """Return the time since ``start`` in its largest unit, which fits into a tile."""
    if start is None:
        return None
    minutes = max(0, int((moment - datetime.fromisoformat(start)).total_seconds() / 60))
    return f"{minutes // 1440} d" if minutes >= 2880 else f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


def _site(query: Query, site: str, title: str, day: dict[str, Any] | None) -> dict[str, Any]:
    runs = query.index(_LATEST, site=site, limit=_RECENT_RUNS)
    alarms = query.index(_ACTIVE, site=site)
    progress = query.progress(query.source.site(site))
    found: dict[str, Any] = {
        "site": site,
        "title": title,
        "host": query.source.host(site),
        "state": "none",
        "sentence": "No runs yet.",
        "since": None,
        "last": runs[0]["started"] if runs else None,
        "last_run": runs[0]["run_id"] if runs else None,
        "running": progress is not None and progress["alive"],
        "marks": [{"run_id": run["run_id"], "good": run["exit_code"] == 0, "word": run["word"]} for run in runs[::-1]],
        "alarms": len(alarms),
        "new": (day or {}).get("new") or 0,
        "runs": (day or {}).get("runs") or 0,
    }
    if runs and (runs[0]["exit_code"] or alarms):
        since = query.index(_BAD_SINCE, site=site)[0]["since"] if runs[0]["exit_code"] else None
        starts = [start for start in (since, *(alarm["first_at"] for alarm in alarms[:1])) if start]
        sentence = alarms[0]["sentence"] if alarms else runs[0]["problem"] or runs[0]["word"]
        return found | {"state": "bad", "since": min(starts), "sentence": sentence}
    if runs and _is_silent(runs, query.moment):
        return found | {"state": "silent", "since": runs[0]["started"], "sentence": "No run for longer than usual."}
    return found | ({"state": "good", "sentence": "The last run was good."} if runs else {})


def _is_silent(runs: Sequence[dict[str, Any]], moment: datetime) -> bool:
    times = [datetime.fromisoformat(run["started"]) for run in runs]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    usual = timedelta(seconds=median(gaps)) if gaps else timedelta(days=1)
    return moment - times[0] > max(_SILENT_INTERVALS * usual, _MIN_SILENCE)


def alarm_history(query: Query) -> dict[str, Any]:
    """Return a page of the alarms that were active in the period, newest first, each with its first and last run."""
    of_site = "" if query.site is None else " AND site = :site"
    rows = f"FROM episodes WHERE (cleared_at IS NULL OR cleared_at >= :since){of_site}"
    return _pages(query, rows, f"SELECT * {rows} ORDER BY first_at DESC, site, key LIMIT :limit OFFSET :offset")


def run_history(query: Query) -> dict[str, Any]:
    """Return a page of the runs in the period, newest first."""
    if query.site is None:
        # The index of start times has the keys of all rows, so that only those of the page are read.
        keys = "FROM runs WHERE started >= :since"
        page = f"SELECT site, run_id {keys} ORDER BY started DESC, site, run_id LIMIT :limit OFFSET :offset"
        return _pages(query, keys, f"SELECT runs.* FROM ({page}) JOIN runs USING (site, run_id) ORDER BY started DESC")
    rows = "FROM runs WHERE site = :site AND run_id >= :first"
    return _pages(query, rows, f"SELECT * {rows} ORDER BY run_id DESC LIMIT :limit OFFSET :offset")


def _pages(query: Query, counted: str, page: str) -> dict[str, Any]:
    since = query.moment - timedelta(days=query.days)
    values: dict[str, Any] = {"since": since.isoformat(), "first": f"{since:%Y%m%dT%H%M%SZ}", "site": query.site}
    total = query.index(f"SELECT count(*) AS n {counted}", **values)[0]["n"]
    rows = query.index(page, **values, limit=PAGE_ROWS, offset=(query.page - 1) * PAGE_ROWS)
    titles = {row["site"]: query.source.site(row["site"]) for row in rows}
    for row in rows:
        row |= {"title": titles[row["site"]].title, "zone": titles[row["site"]].zone.key}
    pages = max(1, -(-total // PAGE_ROWS))
    head = {"at": query.moment.isoformat(), "days": query.days, "total": total, "page": query.page, "pages": pages}
    return head | {"rows": rows, **query.index_state()}


def disk_use(query: Query) -> dict[str, Any]:
    """Return the bytes of tables, archives and ledgers over the period, and of each site, largest first.

    The period is divided into at most `_MAX_SLOTS` slots. A slot without a run of a site has the value before it.
    """
    today = query.moment.date().toordinal()
    step = -(-query.days // _MAX_SLOTS)
    slots = -(-query.days // step)
    first = today - slots * step + 1
    last = query.index(_LAST_SIZES, site=query.site)
    sizes: dict[str, list[int]] = {row["site"]: [0] * slots for row in last}
    for row in query.index(_SIZES, site=query.site, first=first, step=step, last=today):
        count = slots - row["slot"]
        sizes[row["site"]][row["slot"] :] = [row["bytes"]] * count  # rows are in the order of time
    totals = [sum(values) for values in zip(*sizes.values(), strict=True)]
    for row in last:
        of_site = sizes[row["site"]]
        row["title"], row["bytes"] = query.source.site(row["site"]).title, of_site[-1]
        row["grown"] = of_site[-1] - next((size for size in of_site if size), of_site[-1])
    return {
        "at": query.moment.isoformat(),
        "days": query.days,
        "dates": [date.fromordinal(first + (slot + 1) * step - 1).isoformat() for slot in range(slots)],
        "megabytes": [round(total / 1e6) for total in totals],
        "sites": sorted(last, key=lambda row: -row["bytes"]),
        "hosts": sorted(_free(last).items()),
        **query.index_state(),
    }


def _free(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the free bytes of each host after the latest of its runs."""
    latest: dict[str, tuple[str, int]] = {}
    for row in rows:
        latest[row["host"]] = max(latest.get(row["host"], ("", 0)), (row["run_id"][:16], row["free"]))
    return {host: free for host, (_, free) in latest.items()}
