"""Desh Barta, a newspaper on jadewits that does not exist: for a first site file of a known family.

Addresses as Bangla Tribune's (the section in the path), an AMP twin, glued initials and a printed update (A in
`banglatribune.md`); the two lists on its front page, widget numbers and page ids are made up.
"""

import re
from typing import ClassVar

from ...bengali_text import DHAKA
from ..paper import Reply, View
from ..schedule import House
from ..story import Section, Story
from .jadewits import ROBOTS, Jadewits


class DeshBarta(Jadewits):
    name = "deshbarta"
    title = "দেশবার্তা"
    english = "Desh Barta"
    host = "www.deshbarta.example"
    other_hosts = ("deshbarta.example",)
    cdn = "https://cdn.deshbarta.example"
    robots = f"{ROBOTS}\nSitemap: https://www.deshbarta.example/news-sitemap.xml\n"
    latest_path, latest_page_id, latest_widget, section_widget = "/আজকের-খবর", 214, 391, 402
    shows_update, front_lists = True, True
    list_pages: ClassVar = {"latest": ("/আজকের-খবর",), "latest/front": ("/",), "popular": ("/",)}
    validators = True
    house = House(
        zone=DHAKA,
        sections=(
            Section("national", "জাতীয়", "national", 4, 201),
            Section("politics", "রাজনীতি", "politics", 3, 202),
            Section("saradesh", "সারা দেশ", "country", 4, 203),
            Section("foreign", "বিদেশ", "world", 2, 204),
            Section("sports", "খেলাধুলা", "sports", 3, 205),
            Section("life", "জীবনযাপন", "other", 1, 206),
        ),
        first_number=52_300,
        numbers_per_day=90,
        bylines=("দেশবার্তা রিপোর্ট", "দেশবার্তা ডেস্ক", "নিজস্ব প্রতিবেদক"),
        credits=("ছবি: সংগৃহীত", "ছবি: দেশবার্তা"),
        signoffs=("আরআই", "এমআর", "ইএইচএস", "এএইচ"),
    )

    def path_of(self, story: Story) -> str:
        return f"/{story.section.path}/{story.id}/{self.slug(story)}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/(?:amp/c|[a-z-]+)/(\d+)(?:/.*)?", path) or re.fullmatch(r"/(\d+)/?", path)
        return self.by_id(match[1], view) if match else None

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        if path.startswith("/amp/"):
            return self.html("amp.html", view, story=story, state=story.at(view.at), url=self.url_of(story))
        if path != self.path_of(story):
            return Reply(301, {"Location": self.url_of(story)}, b"")
        return super().story_page(story, path, view)
