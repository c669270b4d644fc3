"""Reading alone: newspaper4k."""

from newspaper import Article
from timing import Row, timed


def read(html: bytes, url: str) -> Row:
    """One page, in Bengali."""
    article = Article(url, language="bn")
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
