"""Near-duplicates: sketches, precision and recall, and the clusters of a ledger."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from pipelines.ledger import lsh_index, near_duplicates
from pipelines.ledger.lsh_index import SCHEMA as KEYS
from pipelines.ledger.near_duplicates import SCHEMA, Clusters
from pipelines.publishing.reindex import reindex
from pipelines.similarity.minhash import Member, is_near_duplicate, jaccard, sketch, tokens
from tests.newspaper.text_generator import BEATS, TextGenerator
from tests.support.builders import JANUARY, SITE, ZONE, LedgerFolder, make_story
from tests.support.near_duplicate_pairs import HOUR, START, Labelled, labelled

Arrival = tuple[str, str, datetime]


@pytest.fixture
def index() -> Iterator[Clusters]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA + KEYS)
    yield Clusters(connection)
    connection.close()


HEAD = ("k:1", "k:1")  # id and cluster head of a known story


def a_body(number: int, paragraphs: int = 8) -> list[str]:
    composer = TextGenerator(Random(number), BEATS["national"], START)
    return [composer.paragraph() for _ in range(paragraphs)]


def arrive(arrivals: Iterable[Arrival]) -> dict[str, str]:
    """The cluster head of each story after they arrived in this order."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA + KEYS)
    index, heads = Clusters(connection), dict[str, str]()
    for story_id, body, at in arrivals:
        heads |= index.place(story_id, sketch(body), at)
    connection.close()
    return heads


def verdicts(pairs: Iterable[Labelled]) -> dict[tuple[str, bool], Counter[bool]]:
    """The verdicts on each kind of pair: near-duplicates share a band and pass the comparison."""
    found: dict[tuple[str, bool], Counter[bool]] = defaultdict(Counter)
    sketched = cache(sketch)
    for pair in pairs:
        one, other = sketched(pair.one), sketched(pair.other)
        verdict = False
        if one and other and set(one.bands) & set(other.bands):
            later = int(pair.apart.total_seconds())
            verdict = is_near_duplicate(Member("k:1", 0, one.prints), Member("k:2", later, other.prints))
        found[pair.kind, pair.near][verdict] += 1
    return found


def test_precision_and_recall_are_high(capsys: pytest.CaptureFixture[str]) -> None:
    found = verdicts(labelled(2_200))
    right = sum(counts[True] for (_, near), counts in found.items() if near)
    missed = sum(counts[False] for (_, near), counts in found.items() if near)
    wrong = sum(counts[True] for (_, near), counts in found.items() if not near)
    precision, recall = right / (right + wrong), right / (right + missed)
    with capsys.disabled():
        errors = {kind: counts[not near] for (kind, near), counts in found.items() if counts[not near]}
        pairs = sum(counts.total() for counts in found.values())
        print(f"\n{pairs:,} pairs: precision {precision:.4f}, recall {recall:.4f}, errors {errors}")
    assert right + missed > 2_000
    assert precision >= 0.99
    assert recall >= 0.99
    for (kind, near), counts in found.items():
        assert counts[not near] <= 0.03 * counts.total(), kind


@pytest.mark.parametrize(
    ("one", "other"),
    [("র‍্যাব উদ্‌যাপন", "র্যাব উদ্যাপন"), ("‘একটি’ দু’একটি", "“একটি” দু'একটি"), ("য় ড় ঢ়", "য় ড় ঢ়"),
     ("উৎসব", "উত্‍সব"), ("তিনি ‘ভালো’ বলেন", "তিনি ভালো বলেন"), ("ঢাকা–খুলনা, (আজ)।", "ঢাকা-খুলনা আজ"),
     ("বাংলাদেশের র‍্যালি", "বাংলাদেশের র্যালি")],
)  # fmt: skip
def test_equal_words_have_equal_tokens(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


def test_sketch_ignores_form_and_short_bodies() -> None:
    body = "\n\n".join(a_body(1))
    other = body.replace("য়", "য়").replace("“", '"').replace("”", '"').replace("\u200d", "").replace("১", "1")
    assert body != other
    assert sketch(body) == sketch(other)
    assert sketch("শব্দ " * 39) is None
    assert sketch("শব্দ " * 40) is not None


def test_jaccard_estimates_share_of_common_shingles() -> None:
    words = [f"শব্দ{chr(0x995 + n // 30)}{chr(0x995 + n % 30)}" for n in range(600)]
    for shared in (0, 100, 300, 390):
        parts = (words[:400], words[400 - shared : 800 - shared])
        one, other = (Member("k:1", 0, made.prints) for part in parts if (made := sketch(" ".join(part))))
        common = max(0, shared - 4)
        true = common / (len(parts[0]) + len(parts[1]) - 8 - common)
        assert jaccard(one, other) == pytest.approx(true, abs=0.06)


def a_family() -> list[Arrival]:
    """A story, its copies, a follow-up similar to two of them, and another story; the oldest has the largest id."""
    text, fresh = a_body(1), a_body(2)
    bodies = [text, [*text[:7], fresh[0]], [*fresh[1:3], *text], text[1:], a_body(3)]
    return [(f"k:{9 - i}", "\n\n".join(body), START + i * HOUR) for i, body in enumerate(bodies)]


def test_first_published_is_head_in_any_order() -> None:
    expected = {"k:9": "k:9", "k:8": "k:9", "k:7": "k:9", "k:6": "k:9", "k:5": "k:5"}
    for order in permutations(a_family()):
        assert arrive(order) == expected


def test_smaller_id_leads_stories_published_together() -> None:
    text = a_body(1)
    arrivals = [(f"k:{n}", "\n\n".join([*text, a_body(n)[0]]), START) for n in (10, 9, 100)]
    for order in permutations(arrivals):
        assert set(arrive(order).values()) == {"k:9"}


def test_bridge_joins_the_earlier_story() -> None:
    one, other = a_body(1), a_body(2)
    bodies = {"k:1": one, "k:2": other, "k:3": [*one, *other]}
    arrivals = [(story_id, "\n\n".join(body), START + int(story_id[-1]) * HOUR) for story_id, body in bodies.items()]
    for order in permutations(arrivals):
        assert arrive(order) == {"k:1": "k:1", "k:2": "k:2", "k:3": "k:1"}


def test_rewritten_story_starts_a_new_cluster() -> None:
    paragraphs = a_body(1, 30)
    bodies = ["\n\n".join(paragraphs[3 * day : 3 * day + 9]) for day in range(5)]
    days = [(f"k:{day}", body, START + timedelta(days=day)) for day, body in enumerate(bodies)]
    expected = arrive(days)
    assert len(set(expected.values())) > 1
    for order in permutations(days):
        assert arrive(order) == expected


def test_repeated_news_joins_only_if_equal(index: Clusters) -> None:
    text = a_body(1)
    body, retouched = "\n\n".join(text), "\n\n".join(text[:7])
    assert index.place("k:1", sketch(body), START) == {"k:1": "k:1"}
    assert index.place("k:2", sketch(retouched), START + timedelta(days=29)) == {"k:1": "k:1", "k:2": "k:1"}
    assert index.place("k:3", sketch(retouched + " শেষ।"), START + timedelta(days=100)) == {"k:3": "k:3"}
    placed = index.place("k:4", sketch(body), START + timedelta(days=200), known_story=HEAD)
    assert placed == {"k:1": "k:1", "k:2": "k:1", "k:4": "k:1"}


@pytest.mark.parametrize("days", range(0, 120, 7))
def test_stories_meet_across_periods(days: int) -> None:
    text, at = a_body(1), START + timedelta(days=days)
    arrivals = [("k:1", "\n\n".join(text), at), ("k:2", "\n\n".join(text[1:]), at + timedelta(days=29))]
    for order in permutations(arrivals):
        assert arrive(order) == {"k:1": "k:1", "k:2": "k:1"}


def test_revision_leaves_cluster_with_other_text(index: Clusters) -> None:
    text, other = a_body(1), a_body(2)
    index.place("k:1", sketch("\n\n".join(text)), START)
    index.place("k:2", sketch("\n\n".join(text[1:])), START + HOUR)
    revised = index.place("k:2", sketch("\n\n".join([other[0], *text[1:]])), START + HOUR, known_story=("k:2", "k:1"))
    assert revised == {"k:1": "k:1", "k:2": "k:1"}
    placed = index.place("k:2", sketch("\n\n".join(other)), START + HOUR, known_story=("k:2", "k:1"))
    assert placed == {"k:1": "k:1", "k:2": "k:2"}


def test_deleted_head_is_succeeded_by_next(index: Clusters) -> None:
    family = a_family()
    for story_id, body, at in family:
        index.place(story_id, sketch(body), at)
    assert index.forget("k:9") == {"k:8": "k:8", "k:7": "k:8", "k:6": "k:8"}
    assert index.forget("k:9") == {}


def test_other_sketch_version_empties_the_index(index: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    text = a_body(1)
    index.place("k:1", sketch("\n\n".join(text)), START)
    monkeypatch.setattr(near_duplicates, "SKETCH_VERSION", 0)
    assert index.place("k:2", sketch("\n\n".join(text[1:])), START) == {"k:2": "k:2"}
    assert index.place("k:3", sketch("\n\n".join(text)), START, known_story=HEAD) == {"k:2": "k:2", "k:3": "k:2"}
    other = "\n\n".join(a_body(2))
    assert index.place("k:4", sketch(other), START, known_story=("k:4", "k:0")) == {"k:4": "k:0"}


def test_copy_is_found_among_shared_boilerplate(index: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    form, compared = a_body(0, 4), []
    own = {number: a_body(number, 8) for number in range(1, 400)}
    for number, paragraphs in own.items():
        placed = index.place(f"k:{number}", sketch("\n\n".join([*paragraphs, *form])), START + number * HOUR / 4)
        assert placed == {f"k:{number}": f"k:{number}"}

    def counted(one: Member, other: Member) -> bool:
        compared.append(other.story_id)
        return is_near_duplicate(one, other)

    monkeypatch.setattr(near_duplicates, "is_near_duplicate", counted)
    monkeypatch.setattr(near_duplicates, "_MAX_COMPARED", 20)
    copied = sketch("\n\n".join([*own[30][1:], *form]))
    assert index.place("k:copy", copied, START + 100 * HOUR) == {"k:30": "k:30", "k:copy": "k:30"}
    assert len(compared) == 20


def test_family_size_is_bounded(index: Clusters) -> None:
    form, heads = a_body(0), dict[str, str]()
    for number in range(1, 251):
        body = "\n\n".join([*form, a_body(number, 1)[0]])
        heads |= index.place(f"k:{number}", sketch(body), START + number * timedelta(minutes=1))
    assert max(Counter(heads.values()).values()) == 100
    text = sketch("\n\n".join([*form, a_body(1, 1)[0]]))
    placed = index.place("k:same", text, START + timedelta(minutes=300), known_story=HEAD)
    assert placed == {"k:same": "k:1"}


@pytest.mark.parametrize("most", [0, 1, 3])
def test_merged_keys_find_the_same(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    others = ((f"k:{n}", "\n\n".join(a_body(n % 5)[n % 3 :]), START + n * HOUR) for n in range(20, 50))
    arrivals = [*a_family(), *others]
    waiting = arrive(arrivals)
    monkeypatch.setattr(lsh_index, "_MAX_UNMERGED", most)
    assert arrive(arrivals) == waiting
    assert len(set(waiting.values())) < len(arrivals)  # there are copies among them


def test_rolled_back_merge_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)
    connection.executescript(SCHEMA + KEYS)
    index, text = Clusters(connection), {number: "\n\n".join(a_body(number)) for number in range(1, 5)}
    index.place("k:1", sketch(text[1]), START)
    index.place("k:2", sketch(text[2]), START)
    monkeypatch.setattr(lsh_index, "_MAX_UNMERGED", 2)
    connection.execute("BEGIN")
    index.place("k:3", sketch(text[3]), START)
    assert connection.execute("SELECT count(*) FROM latest_bands").fetchone() == (0,)
    connection.execute("ROLLBACK")
    assert index.place("k:4", sketch(text[1]), START + HOUR)["k:4"] == "k:1"
    assert index.place("k:5", sketch(text[2]), START + HOUR)["k:5"] == "k:2"
    assert index.place("k:6", sketch(text[3]), START + HOUR) == {"k:6": "k:6"}  # k:3 never was
    connection.close()


def keep(kept: LedgerFolder, number: int, paragraphs: Sequence[str], at: datetime) -> None:
    """Store a story with its cluster, as the store step does."""
    story = make_story(number, at, body="\n\n".join(paragraphs))
    with kept.ledger.savepoint():
        heads = kept.ledger.clusters.place(story.story_id, sketch(story.body), at)
        for other, head in heads.items():
            kept.ledger.stories.move_to_cluster(other, head)
    story.cluster_id = heads[story.story_id]
    kept.keep(story)


def heads_in_parquet(kept: LedgerFolder) -> dict[str, str]:
    kept.publish()
    return {row["story_id"]: row["cluster_id"] for row in kept.rows("stories")}


def test_later_head_relabels_published_stories(tmp_path: Path) -> None:
    kept, text = LedgerFolder.at(tmp_path / "data"), a_body(1)
    keep(kept, 1, text[1:], JANUARY)
    assert heads_in_parquet(kept) == {f"{SITE}:1": f"{SITE}:1"}
    kept.close()
    kept = LedgerFolder.at(tmp_path / "data")  # the next run finds the keys that are not merged yet
    keep(kept, 2, text, datetime(2024, 12, 30, tzinfo=UTC))
    keep(kept, 3, a_body(3), JANUARY)
    expected = {f"{SITE}:1": f"{SITE}:2", f"{SITE}:2": f"{SITE}:2", f"{SITE}:3": f"{SITE}:3"}
    assert heads_in_parquet(kept) == expected
    assert kept.superseded() == set()
    kept.close()
    kept.ledger = reindex(kept.dataset, SITE, ZONE)
    keep(kept, 4, text[:-1], datetime(2024, 12, 29, tzinfo=UTC))
    expected = dict.fromkeys((f"{SITE}:1", f"{SITE}:2", f"{SITE}:4"), f"{SITE}:4") | {f"{SITE}:3": f"{SITE}:3"}
    assert heads_in_parquet(kept) == expected
    kept.close()
