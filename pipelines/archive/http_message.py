"""Parsing of the HTTP message in a WARC record into a response."""

from datetime import datetime

from pipelines.archive.records import ArchivedResponse

MAX_BODY_BYTES = 8 * 2**20  # as DOWNLOAD_MAXSIZE


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
    is_chunked = any(name.lower() == b"transfer-encoding" and b"chunked" in value.lower() for name, value in headers)
    if is_chunked:
        body = _without_chunks(body)
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
        run_id=run_id,
    )


def _split(block: bytes) -> tuple[bytes, bytes, bytes]:
    """Split an HTTP message at the first empty line into head, separator and body."""
    head, found, body = block.partition(b"\r\n\r\n")
    if not found or b"\n\n" in head:
        head, found, body = block.partition(b"\n\n")
    return head, found, body


def _without_chunks(body: bytes) -> bytes:
    """Return a body without its chunk sizes, or unchanged if the program that archived it has removed them already."""
    pieces: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\n", at, at + 1_024)
        try:
            size = int(body[at:end].partition(b";")[0].strip(), 16) if end >= 0 else -1
        except ValueError:
            size = -1
        if size < 0 or end + 1 + size > len(body):
            return body
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[end + 1 : end + 1 + size])
        at = end + 1 + size
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
