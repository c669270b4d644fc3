"""Text output of the list of known sites."""

from collections.abc import Sequence
from typing import Any

from schedules.cli.render.terminal import console, plain


def show_sites(sites: Sequence[dict[str, Any]]) -> None:
    """Print each site with its hosts, ranked lists, and the parts of its declaration that were verified.

    Entry points that are not requested are printed with the reason.
    """
    out = console()
    for site in sites:
        verified = f"verified: {site['verified']}" if site["verified"] else "unverified"
        out.print(f"[bold]{plain(site['name'])}[/]  {plain(site['title'])}  {plain(', '.join(site['hosts']))}")
        out.print(f"  lists: {plain(', '.join(site['lists']) or 'none known')}; {plain(verified)}")
        for name, reason in site["not_requested"].items():
            out.print(f"  {plain(name)} is not requested: {plain(reason)}")
