"""Retention: the days after which logs, reports, occurrences and records of requests are removed."""

from pydantic import BaseModel, ConfigDict, Field

MAX_DAYS = 100 * 366


class Retention(BaseModel):
    """Days to keep each kind of record; a kind without a value is kept forever.

    Reports are not lost: they are rolled up into the `runs` table. The dashboard shows up to 90 days, so that records
    that it reads are kept longer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    logs_days: int | None = Field(default=None, ge=7, le=MAX_DAYS, examples=["90"])
    reports_days: int | None = Field(default=None, ge=100, le=MAX_DAYS, examples=["400"])
    occurrences_days: int | None = Field(default=None, ge=30, le=MAX_DAYS, examples=["400"])
    fetches_days: int | None = Field(default=None, ge=100, le=MAX_DAYS, examples=["400"])
