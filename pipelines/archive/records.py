"""Record of the archive: one response as it was received, with its place in a WARC file."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedResponse:
    """Response to one request, read from a WARC file.

    :ivar url: URL of the request
    :ivar fetched_at: time of the capture in UTC, from `WARC-Date`
    :ivar headers: header fields as received, in order
    :ivar body: body as sent, with its content encoding but without transfer encoding
    :ivar file: path or name of the WARC file
    :ivar offset: position of the record in the file; of a file compressed as a whole, of the compressed stream
    :ivar length: bytes of the file that the record takes
    :ivar run_id: the run that made the request; empty for a file of another program
    """

    url: str
    fetched_at: datetime
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    file: str
    offset: int
    length: int
    run_id: str = ""

    def header(self, name: bytes) -> bytes | None:
        """Return the first header field with a name, which must be in lower case, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)
