"""Reading alone: newspaper4k."""

import os

from newspaper import Article
from timing import Row, timed


def read(html: bytes, url: str) -> Row:
    """One page, in Bengali unless the benchmark names another language."""
    article = Article(url, language=os.environ.get("KHOBOR_BENCH_LANGUAGE", "bn"), fetch_images=False)
    article.download(input_html=html.decode())
    article.parse()
    return {
        "headline": article.title or None,
        "byline": ", ".join(article.authors) or None,
        "published_at": article.publish_date.isoformat() if article.publish_date else None,
        "body": article.text,
    }


if __name__ == "__main__":
    timed(read)
