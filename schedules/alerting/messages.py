"""Build alert events, and render them as plain text for mail, chat and terminals.

The values of an alarm come from web pages and files and are therefore not trusted. Each is shortened and reduced to one
line without control characters, and text for chat programs contains neither markup nor mentions.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crawler.safe_text import one_line
from schedules.reports.report import describe_page

MAX_SUBJECT_LENGTH = 140
MAX_SENTENCE_LENGTH = 1000
MAX_VALUE_LENGTH, MAX_ITEMS = 300, 20
MAX_ALARMS = 50
# Characters that chat programs read as a link or as a mention of everybody.
_CHAT = str.maketrans({"<": "‹", ">": "›", "@": "＠"})

Alarm = dict[str, Any]
Event = dict[str, Any]


def new_event(
    moment: datetime, appeared: Sequence[Alarm], cleared: Sequence[Alarm], active: int, context: Mapping[str, Any]
) -> Event:
    """Build the JSON event that is sent to alert targets when alarms appear or clear.

    At most 50 alarms that appeared and 50 that cleared are listed. The random `id` of the event is the same in every
    attempt to send it, so that a receiver can discard duplicates.

    :param active: number of all active alarms
    :param context: further keys of the event
    """
    return {
        "id": secrets.token_hex(8),
        "at": moment.isoformat(timespec="seconds"),
        **context,
        "appeared": list(appeared[:MAX_ALARMS]),
        "cleared": list(cleared[:MAX_ALARMS]),
        "not_listed": max(0, len(appeared) - MAX_ALARMS) + max(0, len(cleared) - MAX_ALARMS),
        "active": active,
    }


def sanitise(alarm: Mapping[str, Any]) -> Alarm:
    """Return a copy of an alarm in which each text is shortened and is one line without control characters.

    The number of keys is limited too.
    """
    sentence = one_line(str(alarm.get("sentence") or alarm.get("key")), MAX_SENTENCE_LENGTH)
    return {**_sanitise(dict(alarm)), "sentence": sentence, "key": one_line(str(alarm.get("key")), MAX_VALUE_LENGTH)}


def _sanitise(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_sanitise(item) for item in value[:MAX_ITEMS]]
    if isinstance(value, dict):
        return {one_line(str(key)): _sanitise(item) for key, item in list(value.items())[:MAX_ITEMS]}
    return value if isinstance(value, int | float | None) else one_line(str(value), MAX_VALUE_LENGTH)


def subject(event: Mapping[str, Any]) -> str:
    """Return the subject line of an alert: the number of its alarms, and the text of the first one."""
    if event.get("test"):
        return "[khobor] test: alerts reach you"
    alarms = event["appeared"] or event["cleared"]
    state = "" if event["appeared"] else "cleared: "
    count = f"{len(alarms)} alarms: " if len(alarms) > 1 else ""
    return one_line(f"[khobor] {state}{count}{alarm_line(alarms[0])}", MAX_SUBJECT_LENGTH)


def alarm_line(alarm: Mapping[str, Any]) -> str:
    """Return the sentence that describes an alarm, as one line that begins with the name of the site."""
    line, site = one_line(str(alarm["sentence"]), MAX_SENTENCE_LENGTH), one_line(str(alarm.get("site") or ""))
    return line if not site or line.startswith(site) else f"{site}: {line}"


def plain_text(event: Mapping[str, Any]) -> str:
    """Render an alert event as plain text with several lines."""
    if event.get("test"):
        return f"This is a test, sent by hand from {one_line(str(event.get('host')))}. Nothing is wrong.\n"
    lines = []
    for title, alarms in (("ALARM", event["appeared"]), ("CLEARED", event["cleared"])):
        for alarm in alarms:
            samples = alarm["samples"] if isinstance(alarm.get("samples"), list) else []
            lines += [f"{title}: {alarm_line(alarm)}", f"  key      {one_line(str(alarm['key']))}"]
            lines += [f"  since    {one_line(str(alarm['since']))}"] if alarm.get("since") else []
            lines += [*(f"  sample   {one_line(describe_page(str(page)))}" for page in samples), ""]
    if event.get("not_listed"):
        lines += [f"and {event['not_listed']} more", ""]
    context = ", ".join(f"{name} {event[name]}" for name in ("run_id", "schedule", "host", "data") if event.get(name))
    lines += [f"Active alarms: {event['active']}. See `khobor runs` and `khobor alerts`.", one_line(context, 600)]
    return "\n".join(lines).rstrip() + "\n"


def chat_text(event: Mapping[str, Any]) -> str:
    """Render an alert event as text for chat programs, without markup and mentions.

    The text is sent to a webhook as the JSON key `text`, which chat programs display.
    """
    return plain_text(event).translate(_CHAT)
