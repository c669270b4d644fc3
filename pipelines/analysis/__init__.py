"""Reading of the stored data: tables, SQL queries, exports, histories of stories, and coverage.

Modules here may import the packages `storage` and `similarity` of `pipelines`.
"""
