"""The body of a story as blocks: paragraphs, sub-heads, lists, quotations, tables and lines."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .bengali_text import digits, grouped, locative
from .text_generator import TextGenerator
from .vocabulary import WORDS

CELL = "\t"
# How a table's row reads as a line of text.
BETWEEN_CELLS = " | "


@dataclass(frozen=True)
class Block:
    """One block; `kind` is p, bold, h3, ul, ol, quote, table or lines (a paragraph of lines parted by <br>)."""

    kind: str
    lines: tuple[str, ...]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The block as the paragraphs that it adds to the story's text."""
        return tuple(line.replace(CELL, BETWEEN_CELLS) for line in self.lines)

    def mapped(self, change: Callable[[str], str]) -> "Block":
        return Block(self.kind, tuple(change(line) for line in self.lines))


def compose_body(composer: TextGenerator, rng: Random, traits: frozenset[str]) -> tuple[Block, ...]:
    """An ordinary story: an opening, paragraphs, and among them whatever its traits ask for."""
    blocks = [Block("p", (composer.paragraph(),)) for _ in range(rng.randint(5, 13))]
    if "e-mail" in traits:
        name = rng.choice(("jobs", "info", "news", "admission"))
        blocks.append(Block("p", (f"আবেদন পাঠাতে হবে {name}@example.com ঠিকানায়।",)))
    for trait, kind in (("bullets", "ul"), ("numbered", "ol"), ("broken lines", "lines")):
        if trait in traits:
            lines = tuple(composer.fill("{inst.g} {adj} {topic}, {n}টি {matter}") for _ in range(rng.randint(3, 6)))
            blocks.insert(rng.randint(2, len(blocks)), Block(kind, lines))
    if "quotation" in traits:
        blocks.insert(rng.randint(2, len(blocks)), Block("quote", (composer.fill("{quote}"),)))
    if "table" in traits:
        blocks.insert(rng.randint(2, len(blocks)), _table(composer, rng))
    for trait, kind in (("bold sub-heads", "bold"), ("h3 sub-heads", "h3")):
        if trait in traits:
            for head in rng.sample(WORDS["subheads"], 2):
                blocks.insert(rng.randint(1, len(blocks) - 1), Block(kind, (head,)))
    if "agency mentioned" in traits:
        agency = rng.choice(("রয়টার্সের", "এএফপির", "বিবিসির"))
        blocks.insert(
            2, Block("p", (composer.fill(f"{{place.l}} এ সময় {agency} এক আলোকচিত্রীও {{matter}} নিয়ে কথা বলেন।"),))
        )
    return tuple(blocks)


def reworded(blocks: tuple[Block, ...], composer: TextGenerator) -> tuple[Block, ...]:
    """The body as another editor left it: a middle paragraph opens otherwise, and one sentence is added at the end."""
    middle = next(i for i in range(len(blocks) // 2, len(blocks)) if blocks[i].kind == "p")
    text = composer.fill("{join} {adv} ") + " " + blocks[middle].lines[0]
    added = composer.fill("এ খবর লেখা পর্যন্ত {group.d} {matter} কাটেনি।")
    return (*blocks[:middle], Block("p", (text,)), *blocks[middle + 1 :], Block("p", (added,)))


def flash_body(rng: Random, composer: TextGenerator) -> tuple[Block, ...]:
    """Two sentences from one template: only the place, the time and the numbers tell two flashes apart."""
    town, district = rng.choice(WORDS["towns"]), rng.choice(WORDS["districts"])
    dead, hurt = digits(rng.randint(1, 9)), digits(rng.randint(2, 30))
    when = f"{composer.day()} {rng.choice(WORDS['dayparts'])}"
    text = (
        f"{locative(district)} সড়ক দুর্ঘটনায় {dead} জন নিহত ও {hurt} জন আহত হয়েছেন। {when} জেলার {town} এলাকায় এ দুর্ঘটনা ঘটে।"
    )
    return (Block("p", (composer.fill(text),)),)


def one_line(composer: TextGenerator) -> tuple[Block, ...]:
    return (Block("p", (composer.fill("{place.l} {adj} {topic} {adv} {action} {verb} {inst}।"),)),)


def english_headline(rng: Random) -> str:
    """A headline of the few stories that the paper runs in English."""
    return f"{rng.choice(_CITIES)} {rng.choice(_VERBS)} {rng.choice(_THINGS)} after {rng.choice(_EVENTS)}"


def english_body(rng: Random) -> tuple[Block, ...]:
    sentences = [_english_sentence(rng) for _ in range(rng.randint(8, 14))]
    return tuple(Block("p", (" ".join(sentences[i : i + 2]),)) for i in range(0, len(sentences), 2))


def _english_sentence(rng: Random) -> str:
    who, others = rng.sample(_PEOPLE, 2)
    return (
        f"{who} in {rng.choice(_CITIES)} {rng.choice(_VERBS)} {rng.choice(_THINGS)} on day {rng.randint(2, 60)} "
        f"of {rng.choice(_EVENTS)}, with {rng.randint(3, 900)} {others.lower()} taking part."
    )


def _table(composer: TextGenerator, rng: Random) -> Block:
    rows = [CELL.join(("এলাকা", "সংখ্যা", "ব্যয় (টাকা)"))]
    for place in rng.sample(WORDS["districts"], rng.randint(3, 6)):
        rows.append(CELL.join((place, digits(rng.randint(2, 90)), grouped(rng.randint(1000, 900000)))))
    return Block("table", tuple(rows))


_CITIES = ("Dhaka", "Chattogram", "Khulna", "Rajshahi", "Sylhet", "Barishal", "Rangpur", "Mymensingh")
_VERBS = ("welcomed", "rejected", "reviewed", "announced", "postponed", "celebrated", "questioned", "approved")
_THINGS = ("a new bridge", "the draft budget", "longer school hours", "a river survey")
_THINGS += ("the rail timetable", "a job fair")
_EVENTS = ("the winter fair", "a public hearing", "the boat race", "a week of fog", "the book fair", "heavy rain")
_PEOPLE = ("Traders", "Students", "Farmers", "Teachers", "Nurses", "Drivers", "Volunteers", "Fishermen")
