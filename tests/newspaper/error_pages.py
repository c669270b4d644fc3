"""Answers that are no pages: errors of the database told as good news, and the challenges of the network in front."""

from typing import Final

from .http_messages import HTML, Response
from .templates import fragment

_CHALLENGE: Final = fragment("challenge").encode()

ANSWERS: Final = {
    "too many connections": Response(200, b"Too many connections", {"Content-Type": HTML}),
    "sqlstate": Response(200, b"SQLSTATE[HY000] [2002] Connection refused", {"Content-Type": HTML}),
    "challenge": Response(403, _CHALLENGE, {"Content-Type": HTML, "cf-mitigated": "challenge"}),
    "challenge 200": Response(200, _CHALLENGE, {"Content-Type": HTML}),
}
