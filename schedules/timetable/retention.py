"""Retention: the number of days after which logs, reports, due times, archives and records of requests are removed."""

from pydantic import BaseModel, ConfigDict, Field

MAX_DAYS = 100 * 366


class Retention(BaseModel):
    """Number of days for which each kind of record is kept; without a value, records of this kind are kept forever.

    The data of removed reports is not lost, because it is copied to the table `runs`. Records that the dashboard reads
    must be kept for longer than 90 days, the longest period that it shows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    logs_days: int | None = Field(default=None, ge=7, le=MAX_DAYS, examples=["90"])
    reports_days: int | None = Field(default=None, ge=100, le=MAX_DAYS, examples=["400"])
    occurrences_days: int | None = Field(default=None, ge=30, le=MAX_DAYS, examples=["400"])
    archive_days: int | None = Field(default=None, ge=7, le=MAX_DAYS, examples=["1500"])
    fetches_days: int | None = Field(default=None, ge=100, le=MAX_DAYS, examples=["400"])
