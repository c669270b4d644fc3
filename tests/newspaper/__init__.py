"""A living Kalbela on loopback, for tests, demonstrations and benchmarks; see README.md beside this file."""

from .decoy_urls import ExpectedOutcome
from .ground_truth import StoryTruth
from .http_messages import Fault, Request, Response
from .newspaper import Newspaper
from .site_state import Row

__all__ = ["ExpectedOutcome", "Fault", "Newspaper", "Request", "Response", "Row", "StoryTruth"]
