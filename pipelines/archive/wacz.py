"""Export of archive files as WACZ, a ZIP file with an index and a page list that browsers can replay.

The format is WACZ 1.1.1: https://specs.webrecorder.net/wacz/1.1.1/. The archive files are stored, not compressed again,
so that a reader can fetch single records by their offset.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from fastwarc.warc import ArchiveIterator, WarcRecordType

from crawler.clock import now
from pipelines.analysis.open_table import open_table
from pipelines.archive.record_places import whole_records
from pipelines.storage.atomic_write import atomic_path
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors

_PIECE = 2**20
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Response:
    """Entry of the index."""

    url: str
    at: datetime
    file: str
    offset: int
    length: int
    status: int | None
    mime: str
    digest: str

    def line(self) -> str:
        """Format the entry as a line of CDXJ."""
        fields = {
            "url": self.url,
            "mime": self.mime,
            "status": str(self.status or "-"),
            "digest": self.digest,
            "length": str(self.length),
            "offset": str(self.offset),
            "filename": self.file,
        }
        return f"{surt(self.url)} {self.at:%Y%m%d%H%M%S} {json.dumps(fields, ensure_ascii=False)}\n"


def export_wacz(data_folder: DataFolder, files: Sequence[Path], out: Path) -> dict[str, Any]:
    """Write archive files to a WACZ file; return the number of files, responses, pages and bytes.

    Of a damaged file, and of one to which a run still appends, the records up to the first that is not whole are
    exported; `cut` is the number of these files.
    """
    resources: list[dict[str, Any]] = []
    cut = 0
    responses: list[_Response] = []
    with atomic_path(out) as path, zipfile.ZipFile(path, "x") as target:
        for place in files:
            name = f"{place.parent.name.partition('=')[2]}-{place.name}"
            places, damage = whole_records(place)
            cut += damage is not None
            if places:
                resources.append(_add_file(target, f"archive/{name}", place, sum(places[-1])))
                responses += _responses(place, name, dict(places))
        pages = list(_pages(data_folder, responses))
        index = "".join(sorted(response.line() for response in responses))
        resources += [
            _add(target, "indexes/index.cdx", index),
            _add(target, "pages/pages.jsonl", "".join(f"{json.dumps(page, ensure_ascii=False)}\n" for page in pages)),
        ]
        package = json.dumps(_package(resources), indent=1, ensure_ascii=False)
        digest = {"path": "datapackage.json", "hash": _add(target, "datapackage.json", package)["hash"]}
        _add(target, "datapackage-digest.json", json.dumps(digest))
    return {
        "files": sum(resource["path"].startswith("archive/") for resource in resources),
        "cut": cut,
        "responses": len(responses),
        "pages": len(pages) - 1,
        "bytes": out.stat().st_size,
    }


def surt(url: str) -> str:
    """Return the key of a URL in an index, with the labels of the host reversed: `com,kalbela)/world/1`.

    As other programs do, it leaves out the scheme, `www.`, a default port and a slash at the end, sorts the parameters
    of the query, and ignores case.
    """
    parts = urlsplit(url)
    labels = (parts.hostname or "").split(".")
    if labels[0].rstrip("0123456789") == "www" and len(labels) > 1:
        del labels[0]
    port = f":{parts.port}" if parts.port not in (None, _DEFAULT_PORTS.get(parts.scheme)) else ""
    path = parts.path.rstrip("/") or "/"
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    return f"{','.join(reversed(labels))}{port}){path}{f'?{query}' if query else ''}".lower()


def _responses(place: Path, name: str, lengths: dict[int, int]) -> Iterator[_Response]:
    with storage_errors("read", place), place.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            if record.stream_pos not in lengths:  # appended after the places were read
                return
            http, headers = record.http_headers, record.headers
            yield _Response(
                url=headers["WARC-Target-URI"],
                at=datetime.fromisoformat(headers["WARC-Date"]).astimezone(UTC),
                file=name,
                offset=record.stream_pos,
                length=lengths[record.stream_pos],
                status=http.status_code if http is not None else None,
                mime=(record.http_content_type or "unk").lower(),
                digest=headers.get("WARC-Payload-Digest") or "-",
            )


def _pages(data_folder: DataFolder, responses: Sequence[_Response]) -> Iterator[dict[str, Any]]:
    """Yield the lines of the page list: its header, and each HTML page, with the headline if it is a stored story."""
    yield {"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}
    pages = [response for response in responses if response.status == 200 and response.mime == "text/html"]
    urls = pa.array(sorted({page.url for page in pages}), pa.string())
    stories = open_table("stories", data=data_folder.root, columns=["url", "headline"])
    rows = stories.to_arrow(pc.field("url").isin(urls))
    titles = dict(zip(rows["url"].to_pylist(), rows["headline"].to_pylist(), strict=True))
    for page in sorted(pages, key=lambda page: page.at):
        key = hashlib.sha256(f"{page.file}:{page.offset}".encode()).hexdigest()[:22]
        line = {"id": key, "url": page.url, "ts": page.at.isoformat().replace("+00:00", "Z")}
        yield line | ({"title": titles[page.url]} if page.url in titles else {})


def _package(resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "profile": "data-package",
        "wacz_version": "1.1.1",
        "title": "Responses archived by Khobor",
        "created": f"{now():%Y-%m-%dT%H:%M:%SZ}",
        "software": f"Khobor/{version('khobor')}",
        "resources": resources,
    }


def _add_file(target: zipfile.ZipFile, name: str, place: Path, size: int) -> dict[str, Any]:
    digest, left = hashlib.sha256(), size
    with storage_errors("read", place), place.open("rb") as source, _member(target, name, zipfile.ZIP_STORED) as member:
        while left and (piece := source.read(min(left, _PIECE))):
            digest.update(piece)
            member.write(piece)
            left -= len(piece)
    return _resource(name, digest.hexdigest(), size - left)


def _add(target: zipfile.ZipFile, name: str, text: str) -> dict[str, Any]:
    content = text.encode()
    with _member(target, name, zipfile.ZIP_DEFLATED) as member:
        member.write(content)
    return _resource(name, hashlib.sha256(content).hexdigest(), len(content))


def _member(target: zipfile.ZipFile, name: str, compression: int) -> Any:
    info = zipfile.ZipInfo(name, now().timetuple()[:6])
    info.compress_type = compression
    info.external_attr = 0o644 << 16
    return target.open(info, "w", force_zip64=True)


def _resource(path: str, digest: str, size: int) -> dict[str, Any]:
    return {"name": path.rpartition("/")[2].lower(), "path": path, "hash": f"sha256:{digest}", "bytes": size}
