"""Record of the archive: one response as it was received, with its place in a WARC file."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Original:
    """Reference of a revisit record to the response whose body it repeats, as far as its headers have one."""

    record_id: str
    url: str | None
    fetched_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedResponse:
    """Response to one request, read from a WARC file.

    :ivar url: URL of the request
    :ivar fetched_at: time of the capture in UTC, from `WARC-Date`
    :ivar headers: header fields as received, in order
    :ivar body: body as sent, with its content encoding but without transfer encoding
    :ivar file: path or name of the WARC file
    :ivar offset: position of the record in the file; of a file compressed as a whole, of its content
    :ivar length: bytes of the file that the record takes
    :ivar complete: True if the headers or the last chunk show that the body is whole, False if it is cut short
    :ivar run_id: the run that made the request; empty for a file of another program
    :ivar record_id: `WARC-Record-ID`, if another program wrote the file
    :ivar original: the response of which this one is a revisit; None if it has a body of its own
    :ivar truncated: why the body is incomplete, in the words of WARC: `length` (a limit) or `disconnect`
    """

    url: str
    fetched_at: datetime
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    file: str
    offset: int
    length: int
    complete: bool | None = None
    run_id: str = ""
    record_id: str = field(default="", compare=False)
    original: Original | None = None
    truncated: str | None = None

    def header(self, name: bytes) -> bytes | None:
        """Return the first header field with a name, which must be in lower case, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)
