"""Answers that are no pages: errors of the database told as good news, and the challenges of the network in front."""

from typing import Final

from .exchange import HTML, Answer
from .templates import fragment

_CHALLENGE: Final = fragment("challenge").encode()

ANSWERS: Final = {
    "too many connections": Answer(200, b"Too many connections", {"Content-Type": HTML}),
    "sqlstate": Answer(200, b"SQLSTATE[HY000] [2002] Connection refused", {"Content-Type": HTML}),
    "challenge": Answer(403, _CHALLENGE, {"Content-Type": HTML, "cf-mitigated": "challenge"}),
    "challenge 200": Answer(200, _CHALLENGE, {"Content-Type": HTML}),
}
