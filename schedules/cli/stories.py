"""What became of stories: `history` and `ranks`."""

import argparse

from schedules.cli.arguments import Commands, length, positive, story_id
from schedules.cli.output import print_json
from schedules.cli.sites import existing
from schedules.exit_codes import WrongUsage


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    lived = commands.add(history, "a story's revisions and what changed, word by word", "history kalbela:154313")
    lived.add_argument("story_id", type=story_id, metavar="STORY_ID")
    ranked = commands.add(ranks, "how long stories stood where in the lists", "ranks --top --since 24h")
    ranked.add_argument("story_id", nargs="?", type=story_id, metavar="STORY_ID")
    ranked.add_argument("--top", action="store_true", help="the stories that stood highest and longest")
    ranked.add_argument("--since", type=length, metavar="TIME", help="lists that still stood then: 90m, 24h, 7d ago")
    ranked.add_argument("--limit", type=positive, default=20, metavar="N", help="how many lines (%(default)s)")


def history(options: argparse.Namespace) -> int:
    """A story's revisions and what changed."""
    from pipelines.analysis.revisions import read_revisions
    from schedules.cli.render.story_history import history_as_data, show_history
    from schedules.runner.options import spider_named

    paper = spider_named(options.story_id.partition(":")[0])
    revisions = read_revisions(existing(options.data), options.story_id)
    if not revisions:
        raise WrongUsage(f"no story {options.story_id!r} is kept in {options.data}")
    if options.json:
        print_json(history_as_data(revisions))
    else:
        show_history(revisions, paper.zone)
    return 0


def ranks(options: argparse.Namespace) -> int:
    """How long stories stood where in the lists."""
    from crawler.clock import now
    from pipelines.analysis.rank_history import rank_spans, read_rankings, spans_as_data
    from schedules.cli.render.story_history import show_ranks
    from schedules.runner.options import spider_named

    if (options.story_id is None) == (not options.top):
        raise WrongUsage("name a story, or say --top for the stories that stood highest and longest")
    since = now() - options.since if options.since else None
    spans = rank_spans(read_rankings(existing(options.data), story_id=options.story_id, since=since))[: options.limit]
    zone = spider_named(spans[0].story_id.partition(":")[0]).zone if spans else None
    if options.json:
        print_json(spans_as_data(spans))
    elif zone is not None:
        show_ranks(spans, zone)
    else:
        print("Nothing of that is in the lists.")
    return 0
