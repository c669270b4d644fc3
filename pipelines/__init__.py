"""Scrapy components that process, store and publish parsed newspaper stories as Parquet.

Modules here may import the package ``crawler``. The package ``schedules`` imports this one.
"""

#: Pure functions from item to item, in order. A step raises a drop reason for an item that is not to be stored.
#: The parse worker applies them to stories; the item pipelines to everything else, and to stories without a worker.
TEXT_STEPS = (
    "pipelines.steps.validate_row.validate_row",
    "pipelines.steps.clean_text.clean_text",
    "pipelines.steps.require_story.require_story",
    "pipelines.steps.detect_language.detect_language",
    "pipelines.steps.fingerprint.fingerprint",
)

#: The item pipelines, in order.
ORDER = (
    "pipelines.steps.apply_text_steps.ApplyTextSteps",
    "pipelines.steps.deduplicate.Deduplicate",
    "pipelines.steps.store.Store",
    "pipelines.steps.publish.Publish",
)
