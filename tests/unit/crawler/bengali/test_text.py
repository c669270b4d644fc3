import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.bengali.text import (
    bengali_share,
    clean,
    clean_each,
    comparable,
    count_words,
    digits,
    integer,
    language,
    looks_mojibake,
    needle,
    parts,
    words,
)

ZWNJ, ZWJ, VIRAMA, NUKTA = "\u200c", "\u200d", "\u09cd", "\u09bc"
YA, YYA = "\u09af", "\u09df"  # য, and the single code point of য়
RAB = f"র{ZWJ}{VIRAMA}যাব"
UDJAPON = f"উদ{VIRAMA}{ZWNJ}যাপন"

anything = st.text(st.characters(exclude_categories=[]))
# What arbitrary text seldom puts side by side.
awkward = st.text(
    f"যডঢবতঅআরক \n{NUKTA}{VIRAMA}{ZWNJ}{ZWJ}\u09be\u09bf\u09c7\u09d7\u0301\u0323\u200b\u00adé👨\ufe0f{YYA}"
)
ordinary = st.text([chr(point) for point in range(0x0980, 0x09FE)] + list("ab .‘’—।…" + ZWNJ + ZWJ))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (None, None),
        ("", None),
        (" \t\r\n\u00a0\u2003", None),
        ("\u200b\ufeff\u00ad", None),
        (ZWJ, None),
        ("বাংলাদেশ", "বাংলাদেশ"),
        ("  এক\u00a0\u00a0দুই\r\n\tতিন\u2009চার\u3000", "এক দুই তিন চার"),
        ("এক\x00দুই\x08\x9f\x7f", "একদুই"),
        ("এক\x85দুই", "এক দুই"),
        ("এ\ud800ক", "এক"),
        ("ক্ষতি\ufffd হলো", "ক্ষতি\ufffd হলো"),
        ("\u200fবাং\u202eলা\u2066\u2069\u2060\ufffa", "বাংলা"),
        ("‘কালবেলা’ – “খবর” 'x' — ৳৫০… ১½", "‘কালবেলা’ – “খবর” 'x' — ৳৫০… ১½"),
        ("খবর | অনলাইন।", "খবর | অনলাইন।"),
        ("৯ঃ৩০", "৯ঃ৩০"),
        ("الآية \u06dd", "الآية \u06dd"),
    ],
)
def test_a_line_is_stored_without_what_cannot_be_seen(text: str | None, stored: str | None) -> None:
    assert clean(text) == stored


@pytest.mark.parametrize(
    ("typed", "letter"),
    [
        (YYA, YA + NUKTA),
        ("\u09dc", "\u09a1" + NUKTA),
        ("\u09dd", "\u09a2" + NUKTA),
        ("ক\u09c7\u09be", "ক\u09cb"),
        ("ক\u09c7\u09d7", "ক\u09cc"),
        ("e\u0301", "é"),
        (YA + NUKTA + NUKTA, YA + NUKTA),
        (YA + "\u09bf" + NUKTA, YA + NUKTA + "\u09bf"),
        (YA + NUKTA + "\u09bf" + NUKTA, YA + NUKTA + "\u09bf"),
        ("ক" + "\u09bf" + NUKTA, "ক\u09bf" + NUKTA),
        ("ড" + VIRAMA + NUKTA, "ড" + NUKTA + VIRAMA),
        ("অ\u09be", "আ"),
        ("অ" + ZWJ + "\u09be", "আ"),
        ("ব" + NUKTA, "র"),
        ("ব" + "\u09be" + NUKTA, "র\u09be"),
        (f"উত{VIRAMA}{ZWJ}সব", "উৎসব"),
        (f"উত{VIRAMA}সব", f"উত{VIRAMA}সব"),
        (f"উত{VIRAMA}{ZWNJ}সব", f"উত{VIRAMA}{ZWNJ}সব"),
        ("অ্যাপ", "অ্যাপ"),
    ],
)
def test_what_looks_the_same_is_coded_the_same(typed: str, letter: str) -> None:
    assert clean(typed) == letter


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (RAB, RAB),
        (RAB.replace(ZWJ, ZWNJ), RAB.replace(ZWJ, ZWNJ)),
        (UDJAPON, UDJAPON),
        (f"শক{VIRAMA}{ZWNJ}{ZWNJ}{ZWJ}ত", f"শক{VIRAMA}{ZWNJ}ত"),
        (f"শক{VIRAMA}\u200b{ZWNJ}\u200b{ZWNJ}ত", f"শক{VIRAMA}{ZWNJ}ত"),
        (f"বাং{ZWJ}লা{ZWNJ}", "বাংলা"),
        (f"{ZWNJ}বাংলা {ZWJ}", "বাংলা"),
        (f"👨{ZWJ}👩{ZWJ}👧 ❤\ufe0f{ZWJ}🔥", f"👨{ZWJ}👩{ZWJ}👧 ❤\ufe0f{ZWJ}🔥"),
        (f"👨{ZWJ}বাবা", "👨বাবা"),
    ],
)
def test_a_joiner_stays_beside_a_virama_and_inside_an_emoji_only(text: str, stored: str) -> None:
    assert clean(text) == stored


@given(anything | awkward | ordinary)
@settings(deadline=None, max_examples=400)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert once is None or (once and once.strip() == once and unicodedata.is_normalized("NFC", once))


@given(ordinary)
@settings(deadline=None, max_examples=300)
def test_text_that_is_taken_as_it_is_comes_out_as_if_it_had_been_worked_on(text: str) -> None:
    # A control sends the same text the long way round.
    assert clean(text) == clean("\x01" + text)


@given(anything)
@settings(deadline=None)
def test_stored_text_can_be_written_to_any_file(text: str) -> None:
    stored = clean(text) or ""
    stored.encode()
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in stored)


def test_a_letter_under_thousands_of_marks_is_cut_to_a_few() -> None:
    assert len(clean("ক" + (NUKTA + VIRAMA) * 100_000) or "") < 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("জনপ্রি" + YYA, "জনপ্রি" + YA + NUKTA),
        (RAB, RAB.replace(ZWJ, "")),
        (RAB, RAB.replace(ZWJ, ZWNJ)),
        (UDJAPON, UDJAPON.replace(ZWNJ, "")),
        ("উৎসব", f"উত{VIRAMA}{ZWJ}সব"),
        ("উৎসব", f"উত{VIRAMA}সব"),
        ("‘শেষ’ কথা", '"শেষ" কথা'),
        ("“শেষ” কথা", "''শেষ'' কথা"),
        ("দু’একটি", "দু'একটি"),
        ("ঢাকা–খুলনা", "ঢাকা-খুলনা"),
        ("ঢাকা — খুলনা", "ঢাকা--খুলনা"),
        ("ছবি : সংগৃহীত", "ছবি:\u00a0সংগৃহীত"),
        ("এক।\n\nদুই", "এক। দুই"),
        ("হলো… তবে", "হলো... তবে"),
        ("COVID", "Ｃｏｖｉｄ"),
        ("শেষ৷", "শেষ।"),
    ],
)
def test_the_same_words_compare_equal_in_any_dress(one: str, other: str) -> None:
    assert one != other
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("দিন", "দীন"),
        ("এক দেশ", "একদেশ"),
        ("১০ জন", "১১ জন"),
        ("কর", "করা"),
        ("জয়", "জয" + VIRAMA),
        ("শেষ।", "শেষ?"),
    ],
)
def test_other_words_compare_unequal(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(anything | awkward)
@settings(deadline=None)
def test_stored_text_compares_equal_to_what_it_was_read_from(text: str) -> None:
    assert comparable(clean(text) or "") == comparable(text)


@given(ordinary, st.integers(0), st.sampled_from([ZWNJ, ZWJ]))
@settings(deadline=None)
def test_a_joiner_anywhere_leaves_the_key_as_it_is(text: str, place: int, joiner: str) -> None:
    at = place % (len(text) + 1)
    assert comparable(text[:at] + joiner + text[at:]) == comparable(text)


def test_a_name_is_found_in_either_form_and_with_stray_joiners() -> None:
    assert needle("জানু" + YYA + "ারি") == needle(f"জানু{YA}{NUKTA}ারি") == needle(f"জানু{YA}{NUKTA}া{ZWNJ}রি")
    assert needle("অক" + VIRAMA + ZWNJ + "টোবর") == "অক" + VIRAMA + "টোবর"
    assert needle(" ") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" । — ‘ ’ ৳ %", []),
        ("পুতিনকে নববর্ষে যে চিঠি পাঠালেন কিম", ["পুতিনকে", "নববর্ষে", "যে", "চিঠি", "পাঠালেন", "কিম"]),
        (f"{RAB} ও {UDJAPON}", [RAB, "ও", UDJAPON]),
        ("দু’একটি দু'একটি", ["দু’একটি", "দু'একটি"]),
        ("‘কালবেলা’ পত্রিকা", ["কালবেলা", "পত্রিকা"]),
        ("‘কালবেলা’কে", ["কালবেলা’কে"]),
        ("১,২০০ টাকা, ৩.৫ শতাংশ।", ["১,২০০", "টাকা", "৩.৫", "শতাংশ"]),
        ("১০টি ২০২৪-এর", ["১০টি", "২০২৪", "এর"]),
        ("ঢাকা-খুলনা মা–বাবা", ["ঢাকা", "খুলনা", "মা", "বাবা"]),
        ("শেষ।শুরু,এক", ["শেষ", "শুরু", "এক"]),
        ("COVID-19 don't 😀", ["COVID", "19", "don't"]),
        ("০৮:২২", ["০৮", "২২"]),
        ("৫.", ["৫"]),
    ],
)
def test_words_are_what_a_bengali_reader_counts(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert count_words(text) == len(expected)


@given(st.text([*map(chr, range(0x20, 0x7F)), *map(chr, range(0x0980, 0x0A00)), *"‘’“”–—…।॥", ZWNJ, ZWJ], max_size=60))
@settings(deadline=None, max_examples=500)
def test_usual_text_has_the_same_words_as_any_other(text: str) -> None:
    unusual = "é\n"  # one sign that is not usual, and all is looked at in the slow way
    assert words(text) == words(f"{unusual}{text}")[1:]
    assert parts(text) == parts(f"{unusual}{text}")[1:]


def test_a_vowel_sign_does_not_end_a_word() -> None:
    assert count_words("বাংলাদেশের র্যালি কোটি ক্ষুদ্র") == 4


def test_bengali_digits_become_ascii_and_nothing_else_does() -> None:
    assert digits("০১২৩৪৫৬৭৮৯ টি, 7 ৳ ४") == "0123456789 টি, 7 ৳ ४"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("১০", 10),
        (" ১. ", 1),
        ("#3", 3),
        ("২০।", 20),
        ("১ম", 1),
        ("(৭)", 7),
        ("- ৪", 4),
        ("০", 0),
        ("১,২০০", 1200),
        ("১,২৩,৪৫৬", 123_456),
        ("", None),
        ("শীর্ষ", None),
        ("১ ২", None),
        ("৩.৫", None),
        ("১-১০", None),
        ("²", None),
        ("১" * 5000, None),
    ],
)
def test_a_rank_is_the_one_number_in_a_text(text: str, number: int | None) -> None:
    assert integer(text) == number


@given(anything)
@settings(deadline=None)
def test_any_text_can_be_asked_anything(text: str) -> None:
    assert (integer(text) or 0) >= 0
    assert 0.0 <= bengali_share(text) <= 1.0
    assert language(text) in ("bn", "as", "en", "und", None)
    assert isinstance(looks_mojibake(text), bool)
    assert len(words(text)) == count_words(text)


@pytest.mark.parametrize(
    ("text", "share"),
    [("", 0.0), ("১২৩ — 45!", 0.0), ("বাংলা", 1.0), ("খবর 24/7 ।", 1.0), ("খবর abc", 0.5), ("news", 0.0)],
)
def test_the_share_is_of_letters_alone(text: str, share: float) -> None:
    assert bengali_share(text) == share


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        ("উত্তর কোরিয়ার নেতা কিম জং উন", "bn"),
        ("আমি খাই", "bn"),
        ("মন্ত্রী বললেন, ‘অসমীয়া ৰ হরফটি’ র থেকে আলাদা, তার ব্যবহারও।", "bn"),
        ("অসমৰ মুখ্যমন্ত্ৰীয়ে আজি কয় যে ৰাজ্যৰ উন্নয়ন হৈছে", "as"),
        ("North Korea's leader", "en"),
        ("उत्तर कोरिया के नेता", "und"),
        ("কখগ abc", "und"),
        ("১২৩ । 😀 ❤\ufe0f", None),
        ("", None),
    ],
)
def test_a_language_is_told_by_its_script(text: str, tongue: str | None) -> None:
    assert language(text) == tongue


# Usual text is gone through in a faster way; a sign that is not usual, and nothing else, makes it go the other.
@given(st.text("রকনৰৱআঅািুৎ aXY‘’\"'`“”-–—,.।৷৽…!?()১2\n" + ZWNJ + ZWJ + VIRAMA + NUKTA))
@settings(deadline=None)
def test_usual_text_is_taken_as_any_other_is(text: str) -> None:
    assert language(f"{text} €") == language(text)
    assert comparable(f"{text} €").removesuffix("€").rstrip() == comparable(text)


@given(st.lists(st.one_of(awkward, ordinary, anything), max_size=4))
@settings(deadline=None)
def test_texts_are_cleaned_together_as_each_alone(texts: list[str]) -> None:
    assert clean_each(texts) == [clean(text) for text in texts]


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
@pytest.mark.parametrize("text", ["বাংলাদেশ", "প্রকাশ : ৩১ ডিসেম্বর", "ঢাকা: নতুন খবর।", "য়", "দুঃখ"])
def test_bengali_read_as_latin_is_noticed_also_when_cleaned(text: str, wrong: str) -> None:
    garbled = unicodedata.normalize("NFC", text).encode().decode(wrong, errors="replace")
    assert looks_mojibake(garbled)
    assert looks_mojibake(clean(garbled) or "")


def test_bengali_read_as_latin_twice_is_noticed() -> None:
    garbled = "বাংলাদেশ".encode().decode("latin-1").encode().decode("latin-1")
    assert looks_mojibake(garbled)
    assert looks_mojibake(clean(garbled) or "")


@pytest.mark.parametrize("text", ["", "বাংলাদেশ", "voilà, déjà §2", "à¦", "Ã©tÃ©", "crème à la carte"])
def test_other_text_is_not_taken_for_garbled_bengali(text: str) -> None:
    assert not looks_mojibake(text)
