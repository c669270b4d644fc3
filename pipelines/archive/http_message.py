"""Parsing of the HTTP message in a WARC record into a response."""

import re
from datetime import datetime

from crawler.decoding.charset import MARKUP, sniff
from pipelines.archive.records import ArchivedResponse

MAX_BODY_BYTES = 8 * 2**20  # as DOWNLOAD_MAXSIZE
_CHUNK_SIZE = re.compile(rb"[ \t]{0,9}([0-9A-Fa-f]{1,8})[ \t]{0,9}(?:;[^\n]{0,1000})?\r?\n")


class RecordSkipped(Exception):
    """A record has no response that can be used; the message is the reason in one word."""


def parse_response(
    block: bytes, url: str, fetched_at: datetime, file: str, offset: int, length: int = 0, run_id: str = ""
) -> ArchivedResponse:
    """Parse the block of a response record, which is an HTTP message."""
    head, found, body = _split(block)
    lines = head.split(b"\n")
    protocol, _, rest = lines[0].partition(b" ")
    status = rest.strip()[:3]
    if not found or not protocol.upper().startswith(b"HTTP") or not status.isdigit():
        raise RecordSkipped("not_http")
    headers: list[tuple[bytes, bytes]] = []
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t") and headers:  # a folded field
            headers[-1] = headers[-1][0], headers[-1][1] + b" " + line.strip()
        elif b":" in line:
            name, _, value = line.partition(b":")
            headers.append((name.strip(), value.strip()))
    fields = {name.lower(): value.lower() for name, value in headers}
    complete = _is_complete(fields, body)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        body, complete = _without_chunks(body)
    if len(body) > MAX_BODY_BYTES:
        raise RecordSkipped("too_large")
    return ArchivedResponse(
        url=url,
        fetched_at=fetched_at,
        status=int(status),
        headers=headers,
        body=body,
        file=file,
        offset=offset,
        length=length,
        complete=complete,
        run_id=run_id,
    )


def _split(block: bytes) -> tuple[bytes, bytes, bytes]:
    """Split an HTTP message at the first empty line into head, separator and body."""
    head, found, body = block.partition(b"\r\n\r\n")
    if not found or b"\n\n" in head:
        head, found, body = block.partition(b"\n\n")
    return head, found, body


def _is_complete(fields: dict[bytes, bytes], body: bytes) -> bool | None:
    """Return True if a body has the length in its headers, False if it is shorter, or None if they do not show it.

    If the program that archived the body has decompressed it, the length in the headers may be that from before.
    """
    length = fields.get(b"content-length", b"")
    if not re.fullmatch(rb"\d{1,18}", length) or len(body) > int(length):
        return None
    is_decoded = b"content-encoding" in fields and sniff(body) in MARKUP
    return len(body) == int(length) or (None if is_decoded else False)


def _without_chunks(body: bytes) -> tuple[bytes, bool | None]:
    """Return a body without its chunk sizes, and True if its last chunk is there.

    If the program that archived the body has removed them already, it is returned unchanged, with None; so is a body
    that is cut short, with False.
    """
    pieces: list[bytes] = []
    at = 0
    while match := _CHUNK_SIZE.match(body, at):
        at = match.end() + int(match[1], 16)
        if at == match.end():
            return b"".join(pieces), True
        pieces.append(body[match.end() : at])
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    return body, False if pieces else None
