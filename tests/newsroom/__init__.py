"""A newsroom: the bundled newspaper at the rhythm of a real one, played for days, and what a crawl made of it."""

from .paper import Newsroom as Newsroom
from .paper import Visit as Visit
