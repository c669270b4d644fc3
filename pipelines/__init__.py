"""KEEPS: from records to Parquet, one promise per step, in this order."""

ORDER = (
    "pipelines.check_row.CheckRow",
    "pipelines.clean_text.CleanText",
    "pipelines.require_story.RequireStory",
    "pipelines.know_language.KnowLanguage",
    "pipelines.recognise.Recognise",
    "pipelines.accept.Accept",
    "pipelines.publish_run.PublishRun",
)
