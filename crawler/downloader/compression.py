"""Decompression of responses, whole or not at all."""

from typing import Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.http import Response

from crawler.decoding.decode_errors import PageCorrupt, PageTooLarge
from crawler.decoding.decompress import MOST_ENCODINGS, decompress
from crawler.downloader.errors import ResponseCorrupt, ResponseTooLarge


class StrictDecompression(HttpCompressionMiddleware):
    """Scrapy's middleware, which passes on half a page when the rest is missing, made to insist on the whole.

    A broken answer is asked for once more. Of an error page (status 400 and up) the status counts, not the body.
    """

    crawler: Crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The middleware; `DOWNLOAD_MAXSIZE` limits the decompressed size too."""
        middleware = super().from_crawler(crawler)
        middleware.crawler = crawler
        return middleware

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """The answer decompressed, the request for a second try, or `ResponseCorrupt` or `ResponseTooLarge`."""
        try:
            return super().process_response(request, response)
        except (PageCorrupt, PageTooLarge) as error:
            if response.status >= 400:
                return self._without_body(response)
            if isinstance(error, PageTooLarge):
                raise ResponseTooLarge(str(error)) from error
            if again := self._once_more(request):
                return again
            raise ResponseCorrupt(str(error)) from error

    def _handle_encoding(self, body: bytes, content_encoding: list[bytes], max_size: int) -> tuple[bytes, list[bytes]]:
        names = [name.strip().lower() for value in content_encoding for name in value.decode("latin-1").split(",")]
        names = [name for name in names if name not in ("", "identity")]
        if len(names) > MOST_ENCODINGS:
            raise PageCorrupt(f"{len(names)} content encodings on top of each other")
        for name in reversed(names):
            body = decompress(body, name, max_size or self._max_size)
        return body, []

    @staticmethod
    def _without_body(response: Response) -> Response:
        bare = response.replace(body=b"")
        del bare.headers["Content-Encoding"]
        return bare

    def _once_more(self, request: Request) -> Request | None:
        if request.meta.get("dont_retry"):
            return None
        spider = self.crawler.spider
        assert spider is not None
        return get_retry_request(
            request, spider=spider, reason="broken compression", max_retry_times=1, give_up_log_level="DEBUG"
        )
