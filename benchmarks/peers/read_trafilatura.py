"""Reading alone: trafilatura."""

from timing import Row, timed
from trafilatura import bare_extraction


def read(html: bytes, url: str) -> Row:
    """One page with its metadata."""
    found = bare_extraction(html.decode(), url=url, with_metadata=True, include_comments=False)
    if found is None:
        return {"headline": None, "byline": None, "published_at": None, "body": ""}
    return {"headline": found.title, "byline": found.author, "published_at": found.date, "body": found.text}


if __name__ == "__main__":
    timed(read)
