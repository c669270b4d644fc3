"""Decompression of responses; a body that cannot be decompressed completely is an error."""

from typing import Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.http import Response

from crawler.decoding.decode_errors import PageCorrupt, PageTooLarge
from crawler.decoding.decompress import decode_content
from crawler.downloader.errors import FetchError
from crawler.outcomes import Outcome


class StrictDecompression(HttpCompressionMiddleware):
    """HttpCompressionMiddleware that rejects truncated bodies.

    A response with a corrupt body is requested once more. If the status of a response with a corrupt body is 400 or
    higher, the response is instead kept with an empty body.
    """

    crawler: Crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = super().from_crawler(crawler)
        middleware.crawler = crawler
        return middleware

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        try:
            return super().process_response(request, response)
        except (PageCorrupt, PageTooLarge) as error:
            if response.status >= 400:
                response = response.replace(body=b"")
                del response.headers["Content-Encoding"]
                return response
            if isinstance(error, PageTooLarge):
                raise FetchError(Outcome.TOO_LARGE, str(error)) from error
            if self.crawler.spider is not None and not request.meta.get("dont_retry"):
                retry = get_retry_request(
                    request,
                    spider=self.crawler.spider,
                    reason="broken compression",
                    max_retry_times=1,
                    give_up_log_level="DEBUG",
                )
                if retry:
                    return retry
            raise FetchError(Outcome.CORRUPT, str(error)) from error

    def _handle_encoding(self, body: bytes, content_encoding: list[bytes], max_size: int) -> tuple[bytes, list[bytes]]:
        return decode_content(body, b",".join(content_encoding), max_size or self._max_size), []
