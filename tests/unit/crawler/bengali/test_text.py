"""Bengali text: normal form, comparison, words, numbers and language."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.bengali.text import (
    ascii_digits,
    clean,
    comparison_key,
    count_words,
    has_mojibake,
    language_by_script,
    letter_runs,
    parse_integer,
    search_key,
    words,
)

ZWNJ, ZWJ, VIRAMA, NUKTA = "\u200c", "\u200d", "\u09cd", "\u09bc"
YA, YYA = "\u09af", "\u09df"  # য, and the single code point of য়
RAB = f"র{ZWJ}{VIRAMA}যাব"
UDJAPON = f"উদ{VIRAMA}{ZWNJ}যাপন"

anything = st.text(st.characters(exclude_categories=[]))
# Characters that arbitrary text rarely has side by side.
awkward = st.text(
    f"যডঢবতঅআরক \n{NUKTA}{VIRAMA}{ZWNJ}{ZWJ}\u09be\u09bf\u09c7\u09d7\u0301\u0323\u200b\u00adé👨\ufe0f{YYA}"
)
ordinary = st.text([chr(point) for point in range(0x0980, 0x09FE)] + list("ab .‘’—।…" + ZWNJ + ZWJ))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (None, None),
        ("", None),
        (" \t\r\n\u00a0\u2003", None),
        (ZWJ, None),
        ("  এক\u00a0\u00a0দুই\r\n\tতিন\u2009চার\u3000", "এক দুই তিন চার"),
        ("এক\x00দুই\x08\x9f\x7f", "একদুই"),
        ("এক\x85দুই", "এক দুই"),
        ("ক্ষতি\ufffd হলো", "ক্ষতি\ufffd হলো"),
        ("\u200fবাং\u202eলা\u2066\u2069\u2060\ufffa", "বাংলা"),
        ("‘কালবেলা’ – “খবর” 'x' — ৳৫০… ১½", "‘কালবেলা’ – “খবর” 'x' — ৳৫০… ১½"),
        ("৯ঃ৩০", "৯ঃ৩০"),
        ("الآية \u06dd", "الآية \u06dd"),
    ],
)
def test_invisible_characters_are_removed(text: str | None, cleaned: str | None) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("typed", "letter"),
    [
        (YYA, YA + NUKTA),
        ("ক\u09c7\u09be", "ক\u09cb"),
        ("e\u0301", "é"),
        (YA + NUKTA + NUKTA, YA + NUKTA),
        (YA + "\u09bf" + NUKTA, YA + NUKTA + "\u09bf"),
        ("ক" + "\u09bf" + NUKTA, "ক\u09bf" + NUKTA),
        ("ড" + VIRAMA + NUKTA, "ড" + NUKTA + VIRAMA),
        ("অ\u09be", "আ"),
        ("ব" + NUKTA, "র"),
        (f"উত{VIRAMA}{ZWJ}সব", "উৎসব"),
        (f"উত{VIRAMA}সব", f"উত{VIRAMA}সব"),
        (f"উত{VIRAMA}{ZWNJ}সব", f"উত{VIRAMA}{ZWNJ}সব"),
    ],
)
def test_equal_looking_letters_get_equal_coding(typed: str, letter: str) -> None:
    assert clean(typed) == letter


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (RAB, RAB),
        (UDJAPON, UDJAPON),
        (f"শক{VIRAMA}{ZWNJ}{ZWNJ}{ZWJ}ত", f"শক{VIRAMA}{ZWNJ}ত"),
        (f"শক{VIRAMA}\u200b{ZWNJ}\u200b{ZWNJ}ত", f"শক{VIRAMA}{ZWNJ}ত"),
        (f"বাং{ZWJ}লা{ZWNJ}", "বাংলা"),
        (f"👨{ZWJ}👩{ZWJ}👧 ❤\ufe0f{ZWJ}🔥", f"👨{ZWJ}👩{ZWJ}👧 ❤\ufe0f{ZWJ}🔥"),
    ],
)
def test_joiner_stays_beside_virama_or_in_emoji(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(anything | awkward | ordinary)
@settings(deadline=None, max_examples=400)
def test_clean_is_idempotent(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert once is None or (once and once.strip() == once and unicodedata.is_normalized("NFC", once))
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in (once or ""))  # no file can hold them


@given(ordinary)
@settings(deadline=None, max_examples=300)
def test_clean_text_shortcut_equals_full_cleaning(text: str) -> None:
    # A control character forces the full cleaning.
    assert clean(text) == clean("\x01" + text)


def test_thousands_of_marks_are_cut() -> None:
    assert len(clean("ক" + (NUKTA + VIRAMA) * 100_000) or "") < 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("জনপ্রি" + YYA, "জনপ্রি" + YA + NUKTA),
        (RAB, RAB.replace(ZWJ, "")),
        ("উৎসব", f"উত{VIRAMA}{ZWJ}সব"),
        ("উৎসব", f"উত{VIRAMA}সব"),
        ("‘শেষ’ কথা", '"শেষ" কথা'),
        ("ঢাকা–খুলনা", "ঢাকা-খুলনা"),
        ("ঢাকা — খুলনা", "ঢাকা--খুলনা"),
        ("ছবি : সংগৃহীত", "ছবি:\u00a0সংগৃহীত"),
        ("এক।\n\nদুই", "এক। দুই"),
        ("COVID", "Ｃｏｖｉｄ"),
        ("শেষ৷", "শেষ।"),
    ],
)
def test_same_words_have_equal_keys(one: str, other: str) -> None:
    assert one != other
    assert comparison_key(one) == comparison_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("দিন", "দীন"),
        ("এক দেশ", "একদেশ"),
        ("জয়", "জয" + VIRAMA),
        ("শেষ।", "শেষ?"),
    ],
)
def test_other_words_have_other_keys(one: str, other: str) -> None:
    assert comparison_key(one) != comparison_key(other)


@given(anything | awkward)
@settings(deadline=None)
def test_cleaned_text_keeps_its_key(text: str) -> None:
    assert comparison_key(clean(text) or "") == comparison_key(text)


@given(ordinary, st.integers(0), st.sampled_from([ZWNJ, ZWJ]))
@settings(deadline=None)
def test_joiner_does_not_change_the_key(text: str, place: int, joiner: str) -> None:
    at = place % (len(text) + 1)
    assert comparison_key(text[:at] + joiner + text[at:]) == comparison_key(text)


def test_search_key_ignores_form_and_joiners() -> None:
    assert search_key("জানু" + YYA + "ারি") == search_key(f"জানু{YA}{NUKTA}ারি") == search_key(f"জানু{YA}{NUKTA}া{ZWNJ}রি")
    assert search_key("অক" + VIRAMA + ZWNJ + "টোবর") == "অক" + VIRAMA + "টোবর"
    assert search_key(" ") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" । — ‘ ’ ৳ %", []),
        ("পুতিনকে নববর্ষে যে চিঠি পাঠালেন কিম", ["পুতিনকে", "নববর্ষে", "যে", "চিঠি", "পাঠালেন", "কিম"]),
        (f"{RAB} ও {UDJAPON}", [RAB, "ও", UDJAPON]),
        ("দু’একটি দু'একটি", ["দু’একটি", "দু'একটি"]),
        ("‘কালবেলা’কে", ["কালবেলা’কে"]),
        ("১,২০০ টাকা, ৩.৫ শতাংশ।", ["১,২০০", "টাকা", "৩.৫", "শতাংশ"]),
        ("১০টি ২০২৪-এর", ["১০টি", "২০২৪", "এর"]),
        ("ঢাকা-খুলনা মা–বাবা", ["ঢাকা", "খুলনা", "মা", "বাবা"]),
        ("COVID-19 don't 😀", ["COVID", "19", "don't"]),
        ("র্যালি ক্ষুদ্র", ["র্যালি", "ক্ষুদ্র"]),  # vowel signs are part of a word
    ],
)
def test_words_are_split_as_a_reader_counts(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert count_words(text) == len(expected)


@given(st.text([*map(chr, range(0x20, 0x7F)), *map(chr, range(0x0980, 0x0A00)), *"‘’“”–—…।॥", ZWNJ, ZWJ], max_size=60))
@settings(deadline=None, max_examples=500)
def test_common_text_shortcut_finds_same_words(text: str) -> None:
    unusual = "é\n"  # one uncommon character selects the patterns for all scripts
    assert words(text) == words(f"{unusual}{text}")[1:]
    assert letter_runs(text) == letter_runs(f"{unusual}{text}")[1:]


def test_only_bengali_digits_become_ascii() -> None:
    assert ascii_digits("০১২৩৪৫৬৭৮৯ টি, 7 ৳ ४") == "0123456789 টি, 7 ৳ ४"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("১০", 10),
        ("১ম", 1),
        ("- ৪", 4),
        ("০", 0),
        ("১,২০০", 1200),
        ("", None),
        ("৩.৫", None),
        ("১-১০", None),
        ("²", None),
        ("১" * 5000, None),
    ],
)
def test_integer_is_the_only_number_in_text(text: str, number: int | None) -> None:
    assert parse_integer(text) == number


@given(anything)
@settings(deadline=None)
def test_no_text_raises_an_error(text: str) -> None:
    assert (parse_integer(text) or 0) >= 0
    assert language_by_script(text) in ("bn", "as", "en", "und", None)
    assert isinstance(has_mojibake(text), bool)
    assert len(words(text)) == count_words(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("উত্তর কোরিয়ার নেতা কিম জং উন", "bn"),
        ("মন্ত্রী বললেন, ‘অসমীয়া ৰ হরফটি’ র থেকে আলাদা, তার ব্যবহারও।", "bn"),
        ("অসমৰ মুখ্যমন্ত্ৰীয়ে আজি কয় যে ৰাজ্যৰ উন্নয়ন হৈছে", "as"),
        ("North Korea's leader", "en"),
        ("उत्तर कोरिया के नेता", "und"),
        ("কখগ abc", "und"),
        ("১২৩ । 😀 ❤\ufe0f", None),
        ("", None),
    ],
)
def test_language_follows_the_majority_script(text: str, language: str | None) -> None:
    assert language_by_script(text) == language


# The sign € is uncommon, so it selects the slower way.
@given(st.text("রকনৰৱআঅািুৎ aXY‘’\"'`“”-–—,.।৷৽…!?()১2\n" + ZWNJ + ZWJ + VIRAMA + NUKTA))
@settings(deadline=None)
def test_common_text_shortcut_gives_same_result(text: str) -> None:
    assert language_by_script(f"{text} €") == language_by_script(text)
    assert comparison_key(f"{text} €").removesuffix("€").rstrip() == comparison_key(text)


@pytest.mark.parametrize("wrong", [("latin-1",), ("cp1252",), ("latin-1", "latin-1")], ids=str)
@pytest.mark.parametrize("text", ["বাংলাদেশ", "প্রকাশ : ৩১ ডিসেম্বর", "ঢাকা: নতুন খবর।", "য়", "দুঃখ"])
def test_mojibake_is_detected_before_and_after_cleaning(text: str, wrong: tuple[str, ...]) -> None:
    garbled = unicodedata.normalize("NFC", text)
    for charset in wrong:
        garbled = garbled.encode().decode(charset, errors="replace")
    assert has_mojibake(garbled)
    assert has_mojibake(clean(garbled) or "")


@pytest.mark.parametrize("text", ["", "বাংলাদেশ", "voilà, déjà §2", "à¦", "Ã©tÃ©", "crème à la carte"])
def test_other_text_is_not_mojibake(text: str) -> None:
    assert not has_mojibake(text)
