"""Likeness: are two bodies nearly the same words, and which stories are one cluster? Pure, no ledger.

A body is seen as the set of its runs of five words (shingles), blind to form, joiners, quotes, case and the script of
digits. What is kept of it is a sketch of some hundred bytes: 16 band keys from a MinHash, by which bodies that may be
alike are found, and bitmaps of its shingles, from which it is told whether they are. What two texts share cancels out
in these, so that only their differences are estimated: the error in the share of common shingles is 0.01.

Shingles that hold a figure (a number, a weekday, a month) are kept apart from the others, and so are the figures
themselves. That tells a copy that was retouched from today's issue of a daily service (prayer times, rates, weather):
in a service the words stand and the figures change, in a retouched copy it is the other way round.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Final, NamedTuple
from zlib import crc32

import regex
from rensa import RMinHash

from crawler.bengali.text import ascii_digits, compatibility_form, letter_runs, search_key
from pipelines.similarity.hashes import WORDS_OF_A_BODY

# What a sketch depends on: the library's hashes, and everything in this module that goes into a sketch.
SKETCH_VERSION: Final = (RMinHash.ALGORITHM_VERSION << 8) + 2

SHINGLE: Final = 5
BANDS: Final = 16
_ROWS, _SEED = 3, 20250101
_OPENING: Final = 3  # words
_ROOM: Final = (2, 2, 8)  # bits for a plain shingle, one with a figure, a figure
_START: Final = struct.Struct("<H")
_BAND: Final = struct.Struct(f"<{_ROWS}I")

HALF_A_DAY: Final = 12 * 3600
WINDOW: Final = 30 * 24 * 3600  # seconds between two stories beyond which only the very same words make them relatives

# Measured on copies that were made as editors make them: nearly all share 0.5 and more, independent stories under 0.12,
# and accidents told in one template up to 0.47.
_ALIKE = 0.45
# A follow-up pasted over an earlier story holds nearly all of it.
_HELD, _ALIKE_IF_HELD = 0.8, 0.3
# What a member of a cluster must still share with its head, however good the chain of likenesses between them.
_OF_ONE_CLUSTER = 0.2

_FIGURE = regex.compile(
    search_key(
        r"\p{N}|\A(?:(?:শনি|রবি|রোব|সোম|মঙ্গল|বুধ|বৃহস্পতি|বৃহষ্পতি|শুক্র)বার|(?:জানুয়ারি|জানুয়ারী|ফেব্রুয়ারি|ফেব্রুয়ারী|মার্চ|এপ্রিল"
        r"|মে|জুন|জুলাই|আগস্ট|আগষ্ট|সেপ্টেম্বর|অক্টোবর|নভেম্বর|ডিসেম্বর)(?:র|ের)?\Z)"
    )
)


class Sketch(NamedTuple):
    """What is kept of a body: ``bands`` are 16 numbers of 24 bits, ``prints`` the bitmaps."""

    bands: tuple[int, ...]
    prints: bytes


@dataclass(frozen=True, slots=True)
class Member:
    """A story among those it may be alike with; ``at`` is its publication, or first sight, in seconds of the epoch."""

    story_id: str
    at: int
    prints: bytes

    @property
    def age(self) -> tuple[int, int, str]:
        """Sorts by publication; of the same moment, the smaller id first."""
        return self.at, len(self.story_id), self.story_id


def tokens(body: str) -> list[str]:
    """The words as they are compared: with their marks, without joiners; all other signs part words."""
    return letter_runs(compatibility_form(body).casefold())


@lru_cache(maxsize=2**15)
def _is_figure(word: str) -> bool:
    return _FIGURE.search(word) is not None


def sketch(body: str) -> Sketch | None:
    """The sketch of a body; None for one too short to tell a copy from another flash of the same template."""
    found = tokens(body)
    if len(found) < WORDS_OF_A_BODY:
        return None
    figures_at = [place for place, word in enumerate(found) if _is_figure(word)]
    opening = [word for word in found[: _OPENING + len(figures_at)] if not _is_figure(word)][:_OPENING]
    for place in figures_at:
        found[place] = ascii_digits(found[place])
    runs = list(map(" ".join, zip(*(found[start:] for start in range(SHINGLE)), strict=False)))
    with_figure = {start for place in figures_at for start in range(max(0, place - SHINGLE + 1), place + 1)}
    figured = {runs[start] for start in with_figure if start < len(runs)}
    plain = {run for start, run in enumerate(runs) if start not in with_figure}
    # A figure counts with the word before it: each place of a service's frame is told apart from the others.
    figures = {" ".join(found[max(0, place - 1) : place + 1]) for place in figures_at}
    minhash = RMinHash(BANDS * _ROWS, _SEED)
    minhash.update([*plain, *figured])
    sets = RMinHash.hash_token_sets([[*plain], [*figured], [*figures]])
    bitmaps = (_bitmap(hashes, room) for hashes, room in zip(sets, _ROOM, strict=True))
    prints = _START.pack(crc32(" ".join(opening).encode()) & 0xFFFF) + b"".join(bitmaps)
    return Sketch(tuple(_band_keys(minhash.digest())), prints)


def _band_keys(digest: Sequence[int]) -> Iterator[int]:
    for band in range(BANDS):
        rows = digest[band * _ROWS : (band + 1) * _ROWS]
        yield crc32(_BAND.pack(*rows), band) & 0xFFFFFF


# Bitmaps -------------------------------------------------------------------------------------------------------------


def _bitmap(hashes: Sequence[int], room: int) -> bytes:
    """One bit for each hash among ``room`` to twice as many; the first byte is the power of two that they are."""
    power = min(max(6, (room * len(hashes)).bit_length()), 14)
    size = 1 << power
    digits_of_bits = bytearray(b"0" * size)
    for value in hashes:
        digits_of_bits[-1 - (value & (size - 1))] = 49  # a 1; to set a digit costs half of what to set a bit does
    return bytes((power,)) + int(digits_of_bits, 2).to_bytes(size >> 3, "little")


def _bitmaps(prints: bytes) -> Iterator[tuple[int, int]]:
    start = _START.size
    while start < len(prints):
        end = start + 1 + (1 << prints[start] >> 3)
        yield prints[start], int.from_bytes(prints[start + 1 : end], "little")
        start = end


@dataclass(frozen=True, slots=True)
class _Overlap:
    """Two sets as their bitmaps tell: how many are in one, in the other, in either."""

    one: float
    other: float
    either: float

    @property
    def shared(self) -> float:
        return max(0.0, self.one + self.other - self.either)

    @property
    def missing(self) -> float:
        """How much of the smaller set the larger one lacks: nothing, when text was only added."""
        return min(self.one, self.other) - self.shared

    @property
    def held(self) -> float:
        """What share of the smaller set is in the larger one; all of an empty one."""
        smaller = min(self.one, self.other)
        return self.shared / smaller if smaller else 1.0


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> _Overlap:
    (power, small), (larger, big) = sorted((one, other))
    while larger > power:  # a bitmap of half the size is its two halves laid over each other
        larger -= 1
        big = (big >> (1 << larger)) | (big & ((1 << (1 << larger)) - 1))
    return _Overlap(*(_count(bits, 1 << power) for bits in (small, big, small | big)))


def _count(bits: int, size: int) -> float:
    """How many things set these bits, when several may have set the same one (linear counting)."""
    return -size * log(max(size - bits.bit_count(), 0.5) / size)


# Verdicts ------------------------------------------------------------------------------------------------------------


def alike(one: Member, other: Member) -> bool:
    """Whether two stories are nearly the same words and not two issues of one service."""
    if one.prints == other.prints:
        return True
    apart = abs(one.at - other.at)
    if apart > WINDOW:
        return False
    plain, figured, figures = map(_overlap, _bitmaps(one.prints), _bitmaps(other.prints))
    shared = plain.shared + figured.shared
    smaller = min(plain.one + figured.one, plain.other + figured.other)
    common = shared / (plain.either + figured.either)
    if common < _ALIKE and not (shared >= _HELD * smaller and common >= _ALIKE_IF_HELD):
        return False
    if _other_figures(figures):
        return False
    same_opening = one.prints[: _START.size] == other.prints[: _START.size]
    return not (same_opening and apart >= HALF_A_DAY and _another_issue(plain, figured, figures))


def _other_figures(figures: _Overlap) -> bool:
    """Whether both have figures of their own, and more of them than they share."""
    return figures.missing > 2.5 and figures.held < 0.5


def _another_issue(plain: _Overlap, figured: _Overlap, figures: _Overlap) -> bool:
    """Whether figures changed and the words, or at least the length, stand.

    Under the same opening and after half a day, that is the next issue: a correction changes one figure of many, and
    what a follow-up adds is text, at the top.
    """
    if figures.missing < 0.5:
        return False
    shorter, longer = sorted((plain.one + figured.one, plain.other + figured.other))
    return (plain.held > 0.95 and figures.held < 0.92) or (shorter > 0.75 * longer and figures.held < 0.8)


def resemblance(one: Member, other: Member) -> float:
    """Share of common shingles (Jaccard's index), 0.0 to 1.0, as far as the bitmaps tell."""
    plain, figured, _ = map(_overlap, _bitmaps(one.prints), _bitmaps(other.prints))
    return (plain.shared + figured.shared) / (plain.either + figured.either)


def clusters(members: Iterable[Member]) -> dict[str, str]:
    """For each story the head of its cluster, whatever order they are given in.

    The first published is a head; its cluster is all that a chain of likenesses leads to and that still resembles the
    head. What is left is divided in the same way. So a bridge between two stories that share nothing goes to the
    earlier one, and a story that is rewritten day after day becomes a new cluster when little is left of the first.
    """
    left = sorted(members, key=lambda member: member.age)
    heads: dict[str, str] = {}
    while left:
        head, *others = left
        near = [other for other in others if other.prints == head.prints or resemblance(head, other) >= _OF_ONE_CLUSTER]
        reached = [head]
        for member in reached:
            linked = [other for other in near if alike(member, other)]
            reached += linked
            near = [other for other in near if other not in linked]
        heads.update({member.story_id: head.story_id for member in reached})
        left = [member for member in left if member.story_id not in heads]
    return heads
