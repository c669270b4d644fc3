"""Labels: what judging may say has a word of its own in the metrics, and whatever else is said has one together."""

import pytest

from schedules.metrics.labels import ALARM_KINDS, OTHER, known_or_other
from schedules.monitoring import alarms, throughput


@pytest.mark.parametrize("kind", [*alarms._CODES, *(about.partition("/")[0] for about in throughput._FIGURES)])
def test_what_a_run_drifts_in_has_a_word_of_its_own(kind: str) -> None:
    assert known_or_other(kind, ALARM_KINDS) == kind != OTHER


def test_what_nobody_foresaw_has_one_word() -> None:
    assert known_or_other('x"} 1\nforged', ALARM_KINDS) == OTHER
