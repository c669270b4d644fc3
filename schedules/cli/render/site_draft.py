"""Text and JSON of the result of `new-site`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.safe_text import one_line

if TYPE_CHECKING:
    from schedules.drafting.site_draft import Draft
    from schedules.drafting.site_survey import Survey


def draft_as_json(draft: "Draft", survey: "Survey", written: Path | None) -> dict[str, Any]:
    assert survey.story_urls is not None
    return {
        "name": draft.name,
        "family": draft.family or None,
        "markers": {each.name: dict(each.markers) for each in draft.evidence},
        "story_path": survey.story_urls.pattern,
        "stories": {"matched": len(survey.story_urls.ids), "headlines": survey.story_urls.headlines},
        "to_do": draft.file.open_points,
        "requests": survey.sent,
        "urls": {url: problem or "read" for url, problem in survey.log.items()},
        "file": str(written) if written else None,
        "text": draft.file.text,
    }


def show_draft(draft: "Draft", survey: "Survey", written: Path | None) -> None:
    """Print a summary to stderr: what the draft rests on, what a person has to add, and the next command."""
    urls = survey.story_urls
    assert urls is not None
    lines = [
        f"{survey.sent} requests to {survey.hosts[0]}: {len(survey.feeds)} feeds, {len(survey.sitemaps)} sitemaps,"
        f" {len(survey.listings)} pages of lists and {len(survey.stories)} stories read",
        f"family: {draft.family or 'none of those in crawler/cms/'}",
        f"story URLs: {len(urls.ids)} of {urls.headlines} links that look like headlines",
        *(f"to do: {each}" for each in draft.file.open_points),
    ]
    if written:
        lines += [f"written: {written}", f"next: khobor try {draft.name}"]
    else:
        lines.append("next: the same command with --out khobor_sites writes the file")
    for line in lines:
        print(one_line(line, 300), file=sys.stderr)
