"""Commands that maintain the stored data: `publish`, `check`, `reindex`, `prune` and `forget`."""

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands, add_timetable_option
from schedules.cli.output import print_error, print_lines
from schedules.cli.sites import for_each_site, open_data, open_ledger
from schedules.exit_codes import ExitCode, WrongUsage

if TYPE_CHECKING:
    from crawler.spider import NewspaperSpider
    from pipelines.storage.data_folder import DataFolder


def add_to(commands: Commands) -> None:
    parsers = (
        commands.add(publish, "publish the stored rows of an interrupted run", "publish"),
        commands.add(check, "verify every file against the ledger", "check --quarantine"),
        commands.add(reindex, "rebuild the ledger from the Parquet files", "reindex kalbela"),
        commands.add(prune, "remove old records by the retention in the timetable", "prune"),
    )
    add_timetable_option(parsers[3])
    parsers[0].add_argument(
        "--take-over", action="store_true", help="make this data folder the writer of its sites in the bucket"
    )
    parsers[1].add_argument("--remote", action="store_true", help="verify the objects in the bucket instead")
    parsers[1].add_argument("--quarantine", action="store_true", help="move damaged and foreign files out of the data")
    removing = commands.add(
        forget, "remove a story from tables and archive, for good", "forget https://www.kalbela.com/world/154313"
    )
    removing.add_argument("url", metavar="URL", help="URL of the story, or of an alias of it")
    for parser in parsers:
        parser.add_argument("site", nargs="*", metavar="SITE", help="only these sites")


def publish(options: argparse.Namespace) -> int:
    from pipelines.runtime.recovery import recover_runs
    from schedules.monitoring.verdict import evaluate_ended_runs, expectations_of
    from schedules.runner.bucket_uploads import bucket_url, upload_sites

    def publish_site(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        with open_ledger(dataset, spider) as ledger:
            rows, ended = ledger.outbox.size(), recover_runs(dataset, ledger)
            evaluate_ended_runs(dataset, ledger, expectations_of(spider))
        return {"published": rows, "runs_ended": ended}

    if options.take_over and not bucket_url():
        raise WrongUsage("--take-over is for a bucket, and KHOBOR_BUCKET is not set")
    results = for_each_site(options, publish_site)
    lines = [f"{result['site']}: {result['published']} changes published" for result in results]
    print_lines(results, options.json, lines or _no_data(options))
    sites = [result["site"] for result in results]
    is_uploaded = upload_sites(open_data(options.data), sites, print_error, take_over=options.take_over)
    return ExitCode.DONE if is_uploaded else ExitCode.STORAGE


def check(options: argparse.Namespace) -> int:
    return _check_remote(options) if options.remote else _check_files(options)


def _check_remote(options: argparse.Namespace) -> int:
    from pipelines.publishing.bucket import check_remote
    from schedules.runner.bucket_uploads import bucket_url

    if (url := bucket_url()) is None or options.quarantine:
        raise WrongUsage("--remote verifies the bucket that KHOBOR_BUCKET names, and moves nothing")

    def check_site(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        faults, behind = check_remote(dataset, spider.name, url)
        return {"faults": faults, "behind": behind}

    results = for_each_site(options, check_site, is_read_only=True)
    remedy = "`khobor publish --take-over` sends it again"
    lines = [f"{path}: {fault}; {remedy}" for each in results for path, fault in sorted(each["faults"].items())]
    waiting = [each for each in results if each["behind"]]
    lines += [f"{each['site']}: {len(each['behind'])} files wait for the next upload" for each in waiting]
    fine = [f"All objects in {url} match their manifests."] if results else _no_data(options)
    print_lines(results, options.json, lines or fine)
    if any(each["faults"] for each in results):
        return ExitCode.DAMAGED
    return ExitCode.BELOW_EXPECTATION if waiting else ExitCode.DONE


def _check_files(options: argparse.Namespace) -> int:
    from crawler.safe_text import one_line
    from pipelines.ledger import Ledger
    from pipelines.publishing.verify import REMEDIES, quarantine
    from pipelines.publishing.verify import check as find_faults
    from pipelines.storage.errors import StorageError, is_read_only
    from schedules.reports.checks import write_check

    def check_site(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        with open_ledger(dataset, spider) as ledger:
            found = find_faults(dataset, ledger)
        write_check(dataset, spider.name, [str(fault) for fault in found])
        return {"faults": found, "moved": quarantine(dataset, found) if options.quarantine else []}

    def check_copy(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        ledger = Ledger.read_only(dataset.ledger(spider.name), spider.name, spider.zone)
        try:
            return {"faults": find_faults(dataset, ledger), "moved": []}
        finally:
            ledger.close_unchanged()

    try:
        results = for_each_site(options, check_site)
    except StorageError as error:
        if options.quarantine or not is_read_only(error):
            raise
        results = for_each_site(options, check_copy, is_read_only=True)
    faults = [
        {
            "site": result["site"],
            "damage": str(fault.damage),
            "path": fault.path,
            "detail": fault.detail,
            "remedy": REMEDIES[fault.damage],
        }
        for result in results
        for fault in result["faults"]
    ]
    moved = [path for result in results for path in result["moved"]]
    lines = [one_line(f"{fault['path']}: {fault['detail']}; {fault['remedy']}", 1000) for fault in faults]
    lines += [f"moved to {path}" for path in moved]
    fine = ["All files match the ledger."] if results else _no_data(options)
    print_lines({"faults": faults, "quarantined": moved}, options.json, lines or fine)
    return 8 if faults else 0


def reindex(options: argparse.Namespace) -> int:
    from pipelines.publishing.reindex import reindex as rebuild

    def rebuild_site(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        with closing(rebuild(dataset, spider.name, spider.zone)) as ledger:
            return {"stories": ledger.stories.size()}

    results = for_each_site(options, rebuild_site)
    lines = [f"{result['site']}: {result['stories']:,} stories in the new ledger" for result in results]
    print_lines(results, options.json, lines or _no_data(options))
    return 0


def prune(options: argparse.Namespace) -> int:
    from crawler.clock import now
    from schedules.service.pruning import prune_occurrences, prune_site
    from schedules.timetable.config import Timetable

    timetable, moment = Timetable.read(options.timetable), now()
    if not timetable.retention.model_fields_set:
        raise WrongUsage(f"{options.timetable} has no [retention], so everything is kept (docs/operate.md)")

    def prune_one(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        return prune_site(dataset, spider, timetable.retention, moment)

    results = for_each_site(options, prune_one)
    occurrences = prune_occurrences(open_data(options.data), timetable.retention, moment)
    lines = [
        f"{r['site']}: {r['logs']} logs and {r['fetches']} days of fetches and"
        f" {r['archives']} archive files removed, {r['reports']} reports rolled up"
        for r in results
    ]
    lines.append(f"{occurrences} occurrences removed")
    print_lines({"sites": results, "occurrences": occurrences}, options.json, lines)
    return 0


def forget(options: argparse.Namespace) -> int:
    from crawler.registry import newspapers
    from crawler.safe_text import one_line
    from crawler.urls import SiteUrl
    from pipelines.publishing.removal_on_request import remove_stories, stories_to_remove
    from pipelines.runtime.recovery import recover_runs

    def forget_one(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        def story_of(url: str) -> str | None:
            return found.story_id if isinstance(found := rules.identify(url), SiteUrl) else None

        rules = spider.make_url_rules()

        with open_ledger(dataset, spider) as ledger:
            recover_runs(dataset, ledger)
            stories = stories_to_remove(dataset, ledger, target.story_id or "", target.url, story_of)
            if not stories:
                raise WrongUsage(f"nothing of {target.story_id} is stored in {options.data}; check the URL and --data")
            removed = remove_stories(dataset, ledger, stories, story_of)
        copies = sorted(map(str, dataset.state.glob(f"{spider.name}.sqlite.damaged-*")))
        return {"stories": sorted(stories), "removed": removed, "copies": copies}

    shown = one_line(options.url)
    identified = [(spider, spider.make_url_rules().identify(options.url)) for spider in newspapers().values()]
    targets = [(spider, found) for spider, found in identified if isinstance(found, SiteUrl)]
    if not targets:
        raise WrongUsage(f"{shown} is not a URL of a known newspaper; `khobor sites` lists them")
    spider, target = next(((each, found) for each, found in targets if found.story_id), targets[0])
    if not target.story_id:
        raise WrongUsage(f"{shown} is not the URL of a story of {spider.name}")
    options.site = [spider.name]
    [result] = for_each_site(options, forget_one)
    print_lines(result, options.json, _removal_lines(result))
    return 0


def _removal_lines(result: dict[str, Any]) -> list[str]:
    ids, removed = ", ".join(result["stories"]), result["removed"]
    kinds = (
        *("stories", "revisions", "aliases", "sightings", "headlines in rankings", "texts of rejects"),
        *("references to the archive", "archived responses"),
    )
    counts = dict(zip(kinds, removed.values(), strict=False))
    found = ", ".join(f"{n:,} {kind}" for kind, n in counts.items() if n)
    lines = [f"{ids}: {found or 'nothing was left'}{' removed' if found else ''}; it is not stored again"]
    if n := removed["unreadable"]:
        lines.append(f"{n:,} archived records are damaged and stay; `khobor check` names their files")
    return lines + [f"{path}: this older copy of the ledger may contain it; delete it" for path in result["copies"]]


def _no_data(options: argparse.Namespace) -> list[str]:
    return [f"There is no data of any site in {options.data}."]
