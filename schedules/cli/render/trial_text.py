"""Text output of a trial: robots.txt, visited pages, ranked lists, fields and problems, with the problems last."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rich.console import Console

from crawler.safe_text import one_line
from schedules.cli.render.terminal import console, plain, table
from schedules.trial.visits import MAX_REQUESTS

_MAX_PATTERNS, _MAX_EXAMPLE = 8, 60
_ESCAPED_LETTERS = re.compile(r"(?:%[89a-f][0-9a-f])+", re.IGNORECASE)


def show_visit(sent: int, name: str, url: str, result: str) -> None:
    """Print a line of progress to stderr."""
    console(stderr=True).print(plain(f"{sent:2}/{MAX_REQUESTS}  {name}  {_short(url)}  {result}"))


def show_trial(report: dict[str, Any]) -> None:
    screen = console()
    for robots in report["robots"]:
        screen.print(plain(_robots_line(robots)))
    for name, reason in report["never_requested"].items():
        screen.print(plain(f"{name} is declared, but never requested: {reason}"))
    _show_pages(screen, report["pages"])
    if report["omitted"]:
        screen.print(plain(f"not visited, to keep requests for stories: {', '.join(report['omitted'])}"))
    for name, found in report["lists"].items():
        title = f"list {name}: {found['rows']} rows, on {found['pages']} of the pages, such as {_short(found['page'])}"
        screen.print(f"\n[bold]{plain(title)}[/]")
        rows = table(">rank", "headline", "story")
        for row in found["first"]:
            url = _short(row["url"]) if row["is_story"] else "no story"
            rows.add_row(str(row["rank"]), _cut(screen, row["headline"] or "", 2), plain(url))
        rows.columns[-1].overflow = "fold"
        screen.print(rows)
    if any(field["of"] for field in report["fields"]):
        _show_fields(screen, report["fields"])
    _show_problems(screen, report)


def _robots_line(robots: dict[str, Any]) -> str:
    start = f"robots.txt of {robots['host']}: "
    if robots["error"]:
        return f"{start}{robots['error']}"
    patterns, delay = robots["disallows"], robots["crawl_delay"]
    more = len(patterns) - _MAX_PATTERNS
    forbids = " ".join(patterns[:_MAX_PATTERNS]) + (f" and {more} more" if more > 0 else "")
    return f"{start}forbids {forbids or 'nothing'}" + (f"; asks for {delay:g} s between requests" if delay else "")


def _show_pages(screen: Console, pages: list[dict[str, Any]]) -> None:
    screen.print()
    rows = table("page", ">status", "outcome", ">links", ">stories", "URL")
    for page in pages:
        name = f"{page['name']} (from {page['found_on']})" if page["found_on"] else page["name"]
        counts = (str(page[count]) if page[count] else "" for count in ("links", "stories"))
        rows.add_row(plain(name), str(page["status"] or ""), page["outcome"], *counts, plain(_short(page["url"])))
    rows.columns[-1].overflow = "fold"
    screen.print(rows)


def _show_fields(screen: Console, fields: list[dict[str, Any]]) -> None:
    screen.print()
    is_single = all(field["of"] == 1 for field in fields)
    rows = table("field", "extractor", "value") if is_single else table("field", ">found", "example", "extractor")
    for field in fields:
        by, example = field["by"], field["example"]
        value = ", ".join(example) if isinstance(example, list) else str(example or "")
        names = "\n".join(plain(f"{name} ×{count}" if len(by) > 1 else name) for name, count in by.items())
        if not is_single:
            rows.add_row(field["field"], f"{field['found']}/{field['of']}", _cut(screen, value, 3), names)
        elif field["field"] != "body":
            rows.add_row(field["field"], names or "-", plain(value))
        else:
            rows.add_row(field["field"], names or "-", plain(f"{len(value)} characters, see below" if value else ""))
    screen.print(rows)
    body = next((field["example"] for field in fields if is_single and field["field"] == "body"), None) or ""
    for paragraph in filter(None, body.split("\n\n")):
        screen.print(f"\n{plain(paragraph)}")


def _show_problems(screen: Console, report: dict[str, Any]) -> None:
    screen.print()
    folder = f"{Path.cwd()}/"
    for problem in report["problems"]:
        style, word = ("red", "problem") if problem["code"] else ("yellow", "hint")
        screen.print(f"[{style}]{word}[/]  {plain(_readable(problem['sentence'].replace(folder, '')))}")
        if problem["page"]:
            screen.print(f"         see {plain(_readable(problem['page']))}")
    count = sum(bool(problem["code"]) for problem in report["problems"])
    hints = len(report["problems"]) - count
    summary = f"{count} problems, {hints} hints; {report['requests']} of {report['max_requests']} requests"
    screen.print(f"[bold]{plain(summary)}; exit code {report['exit_code']}[/]")


def _cut(screen: Console, text: str, share: int) -> str:
    """Return the beginning of a text, of at most a share of the width of the screen."""
    return plain(one_line(text, min(_MAX_EXAMPLE, screen.width // share)))


def _short(url: str) -> str:
    text = _readable(url)
    return text if len(text) <= 90 else f"{text[:89]}…"


def _readable(url: str) -> str:
    """Return a text in which the escaped letters of URLs are decoded, but no escaped ASCII character."""
    return _ESCAPED_LETTERS.sub(lambda match: unquote(match[0], errors="replace"), url)
