"""Reading of an archive with warcio and trafilatura, in one process, until a number of pages has been read."""

import sys
from pathlib import Path

from trafilatura import bare_extraction
from warcio.archiveiterator import ArchiveIterator


def read(folder: Path, count: int) -> int:
    """Extract the first pages of the WARC files below a folder; return their number."""
    pages = 0
    for path in sorted(folder.rglob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type != "response":
                    continue
                url, html = record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read()
                bare_extraction(html.decode(), url=url, with_metadata=True, include_comments=False)
                pages += 1
                if pages == count:
                    return pages
    return pages


if __name__ == "__main__":
    print(read(Path(sys.argv[1]), int(sys.argv[2])))
