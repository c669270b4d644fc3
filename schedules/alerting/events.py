"""Events: what a target is sent about alarms that appeared or were healed, of bounded size and safe to print."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crawler.safe_text import one_line

MOST_ALARMS = 50
LONGEST_SENTENCE, LONGEST_WORD, MOST_PARTS = 1000, 300, 20

Alarm = dict[str, Any]
Event = dict[str, Any]


def event_of(
    moment: datetime,
    appeared: Sequence[Alarm],
    healed: Sequence[Alarm],
    *,
    standing: int,
    about: Mapping[str, Any],
) -> Event:
    """What a target is sent, as JSON holds it; `id` is the same however often it is sent."""
    return {
        "id": secrets.token_hex(8),
        "at": moment.isoformat(timespec="seconds"),
        **about,
        "appeared": list(appeared[:MOST_ALARMS]),
        "healed": list(healed[:MOST_ALARMS]),
        "not_listed": max(0, len(appeared) - MOST_ALARMS) + max(0, len(healed) - MOST_ALARMS),
        "standing": standing,
    }


def harmless(alarm: Mapping[str, Any]) -> Alarm:
    """An alarm of bounded size whose every text is one line without control characters."""
    found: Alarm = {one_line(str(key)): _plain(value) for key, value in list(alarm.items())[:MOST_PARTS]}
    found["sentence"] = one_line(str(alarm.get("sentence") or alarm.get("key")), LONGEST_SENTENCE)
    found["key"] = one_line(str(alarm.get("key")), LONGEST_WORD)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value[:MOST_PARTS]]
    if isinstance(value, dict):
        return {one_line(str(key)): _plain(each) for key, each in list(value.items())[:MOST_PARTS]}
    return value if isinstance(value, int | float | None) else one_line(str(value), LONGEST_WORD)
