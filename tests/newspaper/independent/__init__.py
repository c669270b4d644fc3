"""Independent newspapers: playable sites written from facts and real files by somebody who had not seen the spiders.

`Paper.respond(path, query, host, at)` is a function of seed and moment; `truth(at)` and `lists(at)` are what a right
reading of the pages holds. README.md beside this file has the interface.
"""

from .dhaka_post import DhakaPost
from .jadewits import DeshBarta, Ittefaq
from .jago_news import JagoNews
from .paper import Paper, Reply
from .samakal import Samakal
from .serving import Stand, Visit
from .story import Row, Story, Truth

PAPERS: dict[str, type[Paper]] = {paper.name: paper for paper in (DhakaPost, DeshBarta, Ittefaq, JagoNews, Samakal)}

__all__ = ["PAPERS", "Paper", "Reply", "Row", "Stand", "Story", "Truth", "Visit"]
