"""MinHash sketches of story bodies, and the detection and clustering of near-duplicates with them.

A body is treated as the set of its shingles (runs of five words), after differences of Unicode form, joiners, quotes,
case and the script of digits have been removed. A sketch has a few hundred bytes. It contains 16 band keys computed by
MinHash, which are used to find candidates, and bitmaps of the shingles, which are used to compare them. Common shingles
set the same bits in both bitmaps, so only the differences are estimated. The share of common shingles has an error of
0.01.

Shingles with a figure (a number, weekday or month), shingles without one, and the figures themselves have separate
bitmaps. This distinguishes an edited copy of a story from the next issue of a daily text, such as prayer times,
exchange rates or weather. In the next issue, the figures change and the words stay; in an edited copy, it is the
reverse.
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
from pipelines.similarity.hashes import MIN_BODY_WORDS

# Must change with the hashes of the library (first part), and with any change here that changes sketches (last number).
SKETCH_VERSION: Final = (RMinHash.ALGORITHM_VERSION << 8) + 2

SHINGLE: Final = 5
BANDS: Final = 16
_ROWS, _SEED = 3, 20250101
_OPENING: Final = 3  # words
_BITS: Final = (2, 2, 8)  # per plain shingle, shingle with a figure, figure
_START: Final = struct.Struct("<H")
_BAND: Final = struct.Struct(f"<{_ROWS}I")

HALF_A_DAY: Final = 12 * 3600  # seconds
WINDOW: Final = 30 * 24 * 3600  # seconds between two stories, beyond which only identical sketches are near-duplicates

# Measured Jaccard indices: nearly all copies with typical edits have 0.5 or more, independent stories less than 0.12,
# and accident reports written from the same template up to 0.47.
_MIN_JACCARD = 0.45
# A follow-up is often pasted above the earlier story, and then contains nearly all of its shingles.
_CONTAINED, _MIN_JACCARD_IF_CONTAINED = 0.8, 0.3
# Minimum Jaccard index of a member of a cluster and its head, even if a chain of near-duplicates connects them.
_MIN_JACCARD_WITH_HEAD = 0.2

_FIGURE = regex.compile(
    search_key(
        r"\p{N}|\A(?:(?:শনি|রবি|রোব|সোম|মঙ্গল|বুধ|বৃহস্পতি|বৃহষ্পতি|শুক্র)বার|(?:জানুয়ারি|জানুয়ারী|ফেব্রুয়ারি|ফেব্রুয়ারী|মার্চ|এপ্রিল"
        r"|মে|জুন|জুলাই|আগস্ট|আগষ্ট|সেপ্টেম্বর|অক্টোবর|নভেম্বর|ডিসেম্বর)(?:র|ের)?\Z)"
    )
)


class Sketch(NamedTuple):
    """Sketch of a story's body.

    :ivar bands: 16 keys of 24 bits; similar bodies probably have one in common
    :ivar prints: bitmaps in binary form, from which the similarity of two bodies is estimated
    """

    bands: tuple[int, ...]
    prints: bytes


@dataclass(frozen=True, slots=True)
class Member:
    """Story to be compared with others.

    :ivar at: time of publication in seconds since the epoch, or the time of the first fetch if that is unknown
    :ivar prints: bitmaps of the :class:`Sketch` of its body
    """

    story_id: str
    at: int
    prints: bytes

    @property
    def age(self) -> tuple[int, int, str]:
        return self.at, len(self.story_id), self.story_id


def tokens(body: str) -> list[str]:
    """Split a body into normalised words; their vowel signs and other marks are kept, joiners are removed."""
    return letter_runs(compatibility_form(body).casefold())


@lru_cache(maxsize=2**15)
def _is_figure(word: str) -> bool:
    return _FIGURE.search(word) is not None


def sketch(body: str) -> Sketch | None:
    """Return the sketch of a body, or None if it has fewer than 40 words.

    A copy of such a short text cannot be distinguished from another text written from the same template.
    """
    words = tokens(body)
    if len(words) < MIN_BODY_WORDS:
        return None
    figures_at = [place for place, word in enumerate(words) if _is_figure(word)]
    opening = [word for word in words[: _OPENING + len(figures_at)] if not _is_figure(word)][:_OPENING]
    for place in figures_at:
        words[place] = ascii_digits(words[place])
    shingles = list(map(" ".join, zip(*(words[start:] for start in range(SHINGLE)), strict=False)))
    with_figure = {start for place in figures_at for start in range(max(0, place - SHINGLE + 1), place + 1)}
    figured = {shingles[start] for start in with_figure if start < len(shingles)}
    plain = {shingle for start, shingle in enumerate(shingles) if start not in with_figure}
    # A figure includes the word before it, so that equal numbers in different places of a daily service differ.
    figures = {" ".join(words[max(0, place - 1) : place + 1]) for place in figures_at}
    minhash = RMinHash(BANDS * _ROWS, _SEED)
    minhash.update([*plain, *figured])
    sets = RMinHash.hash_token_sets([[*plain], [*figured], [*figures]])
    bitmaps = (_bitmap(hashes, bits) for hashes, bits in zip(sets, _BITS, strict=True))
    prints = _START.pack(crc32(" ".join(opening).encode()) & 0xFFFF) + b"".join(bitmaps)
    digest = minhash.digest()
    rows = (digest[start : start + _ROWS] for start in range(0, BANDS * _ROWS, _ROWS))
    return Sketch(tuple(crc32(_BAND.pack(*row), band) & 0xFFFFFF for band, row in enumerate(rows)), prints)


# Bitmaps -------------------------------------------------------------------------------------------------------------


def _bitmap(hashes: Sequence[int], bits: int) -> bytes:
    """Return a bitmap in which each hash sets one bit, preceded by a byte with the base-2 logarithm of its size.

    The size is at least ``bits`` and at most twice ``bits`` per hash, but always between 64 and 16,384 bits.
    """
    power = min(max(6, (bits * len(hashes)).bit_length()), 14)
    size = 1 << power
    binary = bytearray(b"0" * size)
    for value in hashes:
        binary[-1 - (value & (size - 1))] = 49  # "1"; setting a digit takes half the time of setting a bit
    return bytes((power,)) + int(binary, 2).to_bytes(size >> 3, "little")


def _bitmaps(prints: bytes) -> Iterator[tuple[int, int]]:
    start = _START.size
    while start < len(prints):
        end = start + 1 + (1 << prints[start] >> 3)
        yield prints[start], int.from_bytes(prints[start + 1 : end], "little")
        start = end


@dataclass(frozen=True, slots=True)
class _Overlap:
    """Estimated numbers of elements of two sets and of their union."""

    one: float
    other: float
    either: float

    @property
    def shared(self) -> float:
        return max(0.0, self.one + self.other - self.either)

    @property
    def missing(self) -> float:
        """Number of elements of the smaller set that the larger one lacks; 0 if it is a subset of the larger one."""
        return min(self.one, self.other) - self.shared

    @property
    def held(self) -> float:
        """Share of the elements of the smaller set that are also in the larger one; 1 if the smaller set is empty."""
        smaller = min(self.one, self.other)
        return self.shared / smaller if smaller else 1.0


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> _Overlap:
    (power, small), (larger, big) = sorted((one, other))
    while larger > power:  # OR the two halves, which gives the bitmap of half the size
        larger -= 1
        big = (big >> (1 << larger)) | (big & ((1 << (1 << larger)) - 1))
    return _Overlap(*(_count(bits, 1 << power) for bits in (small, big, small | big)))


def _count(bits: int, size: int) -> float:
    """Estimate the number of distinct hashes that set bits in a bitmap of ``size`` bits, by linear counting."""
    return -size * log(max(size - bits.bit_count(), 0.5) / size)


# Comparison ----------------------------------------------------------------------------------------------------------


def is_near_duplicate(one: Member, other: Member) -> bool:
    """Return True if two stories share most words and are not two issues of a daily text, such as prayer times."""
    if one.prints == other.prints:
        return True
    seconds = abs(one.at - other.at)
    if seconds > WINDOW:
        return False
    plain, figured, figures = map(_overlap, _bitmaps(one.prints), _bitmaps(other.prints))
    shared = plain.shared + figured.shared
    smaller = min(plain.one + figured.one, plain.other + figured.other)
    common = shared / (plain.either + figured.either)
    if common < _MIN_JACCARD and not (shared >= _CONTAINED * smaller and common >= _MIN_JACCARD_IF_CONTAINED):
        return False
    if figures.missing > 2.5 and figures.held < 0.5:  # each story has more figures of its own than they have in common
        return False
    same_opening = one.prints[: _START.size] == other.prints[: _START.size]
    return not (same_opening and seconds >= HALF_A_DAY and _is_next_issue(plain, figured, figures))


def _is_next_issue(plain: _Overlap, figured: _Overlap, figures: _Overlap) -> bool:
    """Return True if the figures (numbers, dates) of a text changed while its words, or at least its length, did not.

    For two texts with the same opening, published half a day or more apart, this means that one is the next issue of a
    daily text, such as prayer times. A correction would change only one of many figures, and a follow-up would add text
    at the top.
    """
    if figures.missing < 0.5:
        return False
    shorter, longer = sorted((plain.one + figured.one, plain.other + figured.other))
    return (plain.held > 0.95 and figures.held < 0.92) or (shorter > 0.75 * longer and figures.held < 0.8)


def jaccard(one: Member, other: Member) -> float:
    """Estimate the Jaccard index of two stories: the share of their shingles (runs of five words) that both contain."""
    plain, figured, _ = map(_overlap, _bitmaps(one.prints), _bitmaps(other.prints))
    return (plain.shared + figured.shared) / (plain.either + figured.either)


def cluster_heads(members: Iterable[Member]) -> dict[str, str]:
    """Divide stories into clusters of near-duplicates; return the id of the first story of its cluster, by story id.

    The story published first is the head of a cluster. The cluster consists of the stories that a chain of
    near-duplicates connects to the head and that share at least 0.2 of the shingles with it. The remaining stories are
    divided in the same way, so the order of the arguments does not matter. A story that resembles two unrelated stories
    joins the cluster of the earlier one. A story that is rewritten every day starts a new cluster when little of the
    first version is left.
    """
    remaining = sorted(members, key=lambda member: member.age)
    heads: dict[str, str] = {}
    while remaining:
        head, *others = remaining
        near = [
            other for other in others if other.prints == head.prints or jaccard(head, other) >= _MIN_JACCARD_WITH_HEAD
        ]
        cluster = [head]
        for member in cluster:
            linked = [other for other in near if is_near_duplicate(member, other)]
            cluster += linked
            near = [other for other in near if other not in linked]
        heads.update({member.story_id: head.story_id for member in cluster})
        remaining = [member for member in remaining if member.story_id not in heads]
    return heads
