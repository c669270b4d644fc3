"""Messages: an event in words for a mail, a chat or a terminal, in which nothing is a command to any of them."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crawler.safe_text import one_line

LONGEST_SUBJECT = 140
LONGEST_SENTENCE = 1000
# What chats take for a link or for calling everybody together.
_CHAT = str.maketrans({"<": "‹", ">": "›", "@": "＠"})


def subject_of(event: Mapping[str, Any]) -> str:
    """One line: how many alarms of what, and the first of them."""
    if event.get("test"):
        return "[khobor] a test: alerts reach you"
    appeared, healed = event["appeared"], event["healed"]
    first = (appeared or healed)[0]
    count = f"{len(appeared or healed)} alarms: " if len(appeared or healed) > 1 else ""
    well = "" if appeared else "well again: "
    return one_line(f"[khobor] {well}{count}{sentence_of(first)}", LONGEST_SUBJECT)


def sentence_of(alarm: Mapping[str, Any]) -> str:
    """What an alarm says, in one line that begins with its newspaper."""
    said, site = one_line(str(alarm["sentence"]), LONGEST_SENTENCE), one_line(str(alarm.get("site") or ""))
    return said if not site or said.startswith(site) else f"{site}: {said}"


def text_of(event: Mapping[str, Any]) -> str:
    """The whole event in plain lines."""
    if event.get("test"):
        return f"This is a test, sent by hand from {one_line(str(event.get('host')))}. Nothing is wrong.\n"
    lines = []
    for title, alarms in (("WRONG", event["appeared"]), ("WELL AGAIN", event["healed"])):
        for alarm in alarms:
            lines += [f"{title}: {sentence_of(alarm)}", *_details(alarm), ""]
    if event.get("not_listed"):
        lines += [f"and {event['not_listed']} more", ""]
    about = [f"{name} {event[name]}" for name in ("run_id", "schedule", "host", "data") if event.get(name)]
    standing = {0: "Nothing else is wrong", 1: "One alarm stands"}.get(
        event["standing"], f"{event['standing']} alarms stand"
    )
    lines += [f"{standing}. `khobor runs` and `khobor alerts` say more.", one_line(", ".join(about), 600)]
    return "\n".join(lines).rstrip() + "\n"


def chat_text_of(event: Mapping[str, Any]) -> str:
    """The event as a chat shows it that reads `text`: no markup, and nobody is called."""
    return text_of(event).translate(_CHAT)


def _details(alarm: Mapping[str, Any]) -> Sequence[str]:
    told = [f"  key      {one_line(str(alarm['key']))}"]
    if alarm.get("since"):
        told.append(f"  since    {one_line(str(alarm['since']))}")
    samples = alarm.get("samples")
    return told + [f"  see      data/{one_line(str(path))}" for path in (samples if isinstance(samples, list) else [])]


MOST_ALARMS = 50
LONGEST_WORD, MOST_PARTS = 300, 20

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
