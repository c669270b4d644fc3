"""A newsroom: the bundled newspaper at the rhythm of a real one, played for days, and what a crawl made of it."""

from .newsroom import LoggedRequest as LoggedRequest
from .newsroom import Newsroom as Newsroom
