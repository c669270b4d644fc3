"""Commands that show the history of stories: `history` for revisions and `ranks` for positions in lists."""

import argparse

from schedules.cli.arguments import Commands, period, positive, story_id
from schedules.cli.output import print_result
from schedules.cli.sites import open_data
from schedules.exit_codes import WrongUsage


def add_to(commands: Commands) -> None:
    parser = commands.add(
        history, "show a story's revisions, and what changed from one to the next", "history kalbela:154313"
    )
    parser.add_argument("story_id", type=story_id, metavar="STORY_ID")
    ranking = commands.add(ranks, "show the time stories spent in the ranked lists", "ranks --top --since 24h")
    ranking.add_argument("story_id", nargs="?", type=story_id, metavar="STORY_ID")
    ranking.add_argument("--top", action="store_true", help="the stories ranked highest and longest")
    ranking.add_argument("--since", type=period, metavar="TIME", help="only stories listed within 90m, 24h, 7d")
    ranking.add_argument("--limit", type=positive, default=20, metavar="N", help="number of lines (%(default)s)")


def history(options: argparse.Namespace) -> int:
    from pipelines.analysis.revisions import read_revisions
    from schedules.cli.render.story_history import history_as_data, show_history
    from schedules.runner.options import spider_named

    spider = spider_named(options.story_id.partition(":")[0])
    revisions = read_revisions(open_data(options.data), options.story_id)
    if not revisions:
        raise WrongUsage(f"there is no story {options.story_id!r} in {options.data}; check the id and --data")
    print_result(history_as_data(revisions), options.json, lambda: show_history(revisions, spider.zone))
    return 0


def ranks(options: argparse.Namespace) -> int:
    import pyarrow.compute as pc

    from crawler.clock import now
    from pipelines.analysis.open_table import open_table
    from pipelines.analysis.rank_intervals import highest_first
    from schedules.cli.render.story_history import show_ranks
    from schedules.runner.options import spider_named

    if (options.story_id is None) == (not options.top):
        raise WrongUsage("give either a STORY_ID, or --top")
    since = now() - options.since if options.since else None
    of_story = None if options.top else pc.field("story_id") == options.story_id
    found = open_table("rank_intervals", data=open_data(options.data).root, since=since).to_arrow(of_story).to_pylist()
    intervals = sorted(found, key=highest_first)[: options.limit]
    if intervals or options.json:
        zone = spider_named(intervals[0]["site"]).zone if intervals else None
        print_result(intervals, options.json, lambda: show_ranks(intervals, zone))
    else:
        print("No ranked list contains it.")
    return 0
