"""Extraction of archived responses to files."""

from pathlib import Path

from crawler.decoding.charset import sniff
from crawler.decoding.decode_errors import DecodeError
from pipelines.analysis.open_table import QueryError
from pipelines.archive.lookup import ArchivedFetch, decoded_body, read_archived
from pipelines.storage.atomic_write import write_file
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged, storage_errors

_ENDINGS = {"html": "html", "xml": "xml", "json": "json", "text": "txt", "pdf": "pdf", "gzip": "gz"}


def extract(
    data_folder: DataFolder, fetch: ArchivedFetch, out: Path, *, raw: bool = False
) -> tuple[Path | None, str | None]:
    """Write the body of an archived response to a file in the folder ``out``; return its path, and the problem if any.

    The name consists of the run and the offset, so that no text of a page becomes part of a path. A body that cannot be
    decompressed is written as it was sent.

    :param raw: write the body as it was sent, not decompressed
    """
    problem = None
    try:
        response = read_archived(data_folder, fetch)
    except (QueryError, DataDamaged) as error:
        return None, str(error)
    body, ending = response.body, "raw"
    if not raw:
        try:
            body = decoded_body(response)
            ending = _ENDINGS.get(sniff(body), "bin")
        except DecodeError as error:
            problem = str(error)
    path = out / f"{fetch.run_id}-{fetch.archive_offset}.{ending}"
    with storage_errors("write", path):
        out.mkdir(parents=True, exist_ok=True)
    write_file(path, body)
    return path, problem
