"""KEEPS: from records to Parquet, one promise per step, in this order."""

ORDER = (
    "pipelines.steps.validate_row.CheckRow",
    "pipelines.steps.clean_text.CleanText",
    "pipelines.steps.require_story.RequireStory",
    "pipelines.steps.detect_language.KnowLanguage",
    "pipelines.steps.deduplicate.Recognise",
    "pipelines.steps.store.Accept",
    "pipelines.steps.publish.PublishRun",
)
