"""Damaged text: legacy font encodings and letters that could not be decoded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.bengali.damage import damaged_letters, is_legacy

# The SutonnyMJ font: letters, signs that stand after their letter, and signs that stand before it.
LETTERS = dict(zip("কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহৎংঃঁ", "KLMNOPQRSTUVWXYZ_`abcdefghijklmnrstu", strict=True))
LETTERS |= dict(zip("অইঈউঊএঐওঔাীুূ্", "ABCDEGHIJvxy~&", strict=True)) | {"আ": "Av", "।": "|"}
BEFORE = {"ি": "w", "ে": "‡", "ৈ": "‰"}
WORDS = "নদীতে নতুন চর জেগেছে গতকাল থেকে সরকার দেশের মানুষ ঢাকায় বলেছেন তিনি নির্বাচন আমার সোনার বাংলা আমি তোমায় ভালোবাসি"
WORDS += " খবর হয়েছে একটি জেলার পুলিশ আদালত মামলা করেছে সকালে বাজারে দাম বেড়েছে কৃষক ধান কাটছেন"


def in_font(word: str) -> str:
    """Write a word as pages did before Unicode."""
    shown: list[str] = []
    word = word.replace("ো", "ে\0").replace("য়", "য").replace("ড়", "ড")
    for sign in word:
        if sign in BEFORE:
            shown.insert(max(len(shown) - 1, 0), BEFORE[sign])
        else:
            shown.append("v" if sign == "\0" else LETTERS.get(sign, ""))
    text = "".join(shown)
    return "†" + text[1:] if text.startswith("‡") else text


SENTENCES = st.lists(st.sampled_from(WORDS.split()), min_size=20, max_size=30, unique=True)


@pytest.mark.parametrize(
    "line",
    [
        "Avgvi †mvbvi evsjv, Avwg †Zvgvq fv‡jvevwm",
        "wbe©vPb Kwgkb e‡j‡Q, mevB †fvU w`‡Z cvi‡eb|",
        "evsjv‡`‡ki cÖavbgš¿x",
        "XvKv wek¦we`¨vjq",
    ],
)
def test_legacy_font_is_recognised(line: str) -> None:
    assert is_legacy(line)
    assert damaged_letters(f"ঠিক লেখা।\n\n{line}") > 5


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Chelsea v Everton, Aston Villa v Liverpool",
        "The iPhone and YouTube were reviewed by eBay and McDonald of the DevOps event",
        "Évêque de Viviers: «vive la vie», 25 °C, 5 km², 3 µm†",
        "ভিভো v20 ফোন এল বাজারে, সঙ্গে tvOS ও LaVie",
        "Savvy voters even vividly saved seven velvet vests; every survivor gave evidence.",
    ],
)
def test_other_text_is_not_legacy(line: str) -> None:
    assert not is_legacy(line)
    assert damaged_letters(line) == 0


def test_undecodable_letters_are_counted() -> None:
    assert damaged_letters("নদী\ufffdতে চ\ufffdর\n\nশেষ") == 2


@settings(deadline=None, max_examples=100)
@given(SENTENCES)
def test_text_in_a_legacy_font_is_recognised(words: list[str]) -> None:
    assert is_legacy(" ".join(map(in_font, words)))
    assert not is_legacy(" ".join(words))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(deadline=None, max_examples=10_000)
@given(SENTENCES)
def test_text_in_a_legacy_font_is_recognised_soak(words: list[str]) -> None:
    assert is_legacy(" ".join(map(in_font, words)))
    assert not is_legacy(" ".join(words))
