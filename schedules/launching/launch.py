"""A launch: what to run, and with which settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scrapy.settings import Settings

from crawler.registry import project_settings
from crawler.spider import Newspaper
from pipelines.storage.data_folder import Dataset


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to run: one site, into one data folder, with these settings."""

    newspaper: type[Newspaper]
    dataset: Dataset
    seeds: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    max_minutes: float | None = None

    def composed(self) -> Settings:
        """All settings of the run."""
        settings = project_settings()
        settings.update(self.settings, priority="cmdline")
        if self.max_minutes is not None:
            settings.set("CLOSESPIDER_TIMEOUT", str(max(1, round(self.max_minutes * 60))), priority="cmdline")
        return settings
