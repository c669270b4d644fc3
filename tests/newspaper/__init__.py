"""A living Kalbela on loopback, for tests, demonstrations and benchmarks; see README.md beside this file."""

from .exchange import Answer, Fault, Request
from .paper import Newspaper
from .traps import Expectation
from .truth import StoryTruth
from .view import Row

__all__ = ["Answer", "Expectation", "Fault", "Newspaper", "Request", "Row", "StoryTruth"]
