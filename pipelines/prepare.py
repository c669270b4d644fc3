"""Prepare: what is made of a story's words alone, so that it can be made where the page is read.

The steps do the same for a story that comes to them unprepared. Each is a pure function of the story, so it is all one
who calls it, and when.
"""

from dataclasses import replace

from crawler.bengali.text import language
from crawler.items import Story, as_row
from pipelines.similarity.hashes import hashes
from pipelines.similarity.minhash import sketch
from pipelines.steps.clean_text import clean_story
from pipelines.steps.require_story import refusal_of
from pipelines.steps.validate_row import fault_of


def prepared(story: Story) -> Story:
    """The story with its text clean, its words counted, in a language, hashed and sketched.

    One that a step will refuse is left as it is: it is kept as it was when it was refused.
    """
    if fault_of(Story, as_row(story)):
        return story
    cleaned = clean_story(story)
    if refusal_of(cleaned):
        return story
    assert cleaned.word_count is not None
    both, body = hashes(cleaned.headline, cleaned.body, cleaned.word_count)
    return replace(
        cleaned,
        language=language(f"{cleaned.headline}\n\n{cleaned.body}"),
        content_hash=both,
        body_hash=body,
        sketch=sketch(cleaned.body),
        is_prepared=True,
    )
