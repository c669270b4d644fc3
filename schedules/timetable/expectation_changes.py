"""Changes that a schedule makes to the expectations of its runs."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_PAGES = 100_000
Names = Annotated[tuple[str, ...], Field(strict=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class ExpectationChanges(BaseModel):
    """Changes that a schedule makes to the expectations (minimum requirements) of its runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    lists: Names = ()
    max_rejected: Share = 0
    max_failed: Share = 0
    min_pages: int = Field(default=0, ge=0, le=MAX_PAGES)

    def as_dict(self) -> dict[str, Any]:
        """Return only the fields that are set in the timetable file."""
        return self.model_dump(exclude_unset=True)
