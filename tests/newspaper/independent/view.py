"""An independent newspaper at one moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from .schedule import ranking
from .story import Story


@dataclass(frozen=True)
class View:
    """The newspaper at one moment; `stories` are those that can be read, newest first."""

    at: datetime
    stories: tuple[Story, ...]

    def since(self, days: float) -> list[Story]:
        """Return the stories of the last days, newest first."""
        return [story for story in self.stories if story.published > self.at - timedelta(days=days)]

    def sample(self, story: Story, count: int, newest: int = 40) -> list[Story]:
        """Return other stories for a block beside a story, the same as long as the newest are the same."""
        others = [other for other in self.stories[:newest] if other != story]
        return story.rng("sample").sample(others, min(count, len(others)))

    @cached_property
    def popular(self) -> list[Story]:
        return ranking(self.stories, self.at)

    def of(self, section: str) -> list[Story]:
        """Return the stories of a section and of those below it."""
        return [story for story in self.stories if f"{story.section.path}/".startswith(f"{section}/")]
