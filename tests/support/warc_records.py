"""WARC records as warcio writes them."""

import io

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

BODY = "<html><p>আজকের খবর</p></html>".encode()
DATE = "2019-03-04T05:06:07Z"


def written(
    url: str = "https://www.kalbela.com/world/1",
    kind: str = "response",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = BODY,
    date: str = DATE,
    status: str = "200 OK",
) -> bytes:
    """Return one uncompressed WARC record."""
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=False)
    http = StatusAndHeaders(status, headers or [("Content-Type", "text/html")], protocol="HTTP/1.1")
    record = writer.create_warc_record(
        url, kind, payload=io.BytesIO(body), http_headers=http, warc_headers_dict={"WARC-Date": date}
    )
    writer.write_record(record)
    record.raw_stream.close()
    return file.getvalue()
