"""Examples of changed values: they show where two long values differ."""

import pytest

from pipelines.rebuild.differences import MAX_TEXT, excerpts


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, "ক", (None, "ক")),
        ("a" * 900, None, ("a" * MAX_TEXT, None)),
        ("short one", "short two", ("short one", "short two")),
        ("a" * 900 + "b", "a" * 900 + "cd", ("…" + "a" * 50 + "b", "…" + "a" * 50 + "cd")),
        ("a" * 900, "a" * 1000, ("…" + "a" * 50, "…" + "a" * 150)),
    ],
)
def test_excerpts_show_first_difference(
    before: str | None, after: str | None, shown: tuple[str | None, str | None]
) -> None:
    assert excerpts(before, after) == shown
