"""Scheduler that loses some requests."""

from scrapy.http import Request

from pipelines.runtime.scheduler import LedgerScheduler


class LossyScheduler(LedgerScheduler):
    def next_request(self) -> Request | None:
        request = super().next_request()
        while request is not None and request.url.endswith("7"):
            request = super().next_request()
        return request
