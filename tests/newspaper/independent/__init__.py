"""Independent newspapers: playable sites written from facts and real files by somebody who had not seen the spiders.

`Paper.respond(path, query, host, at)` is a function of seed and moment; `truth(at)` and `lists(at)` are what a right
reading of the pages holds. README.md beside this file has the interface.
"""

from . import sites
from .paper import Paper, Reply
from .serving import Stand, Visit
from .story import Row, Story, Truth

PAPERS: dict[str, type[Paper]] = {paper.name: paper for paper in (getattr(sites, name) for name in sites.__all__)}

__all__ = ["PAPERS", "Paper", "Reply", "Row", "Stand", "Story", "Truth", "Visit"]
