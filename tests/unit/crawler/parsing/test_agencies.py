"""News agency credits, and mentions that only look like credits."""

from unicodedata import normalize

import pytest

from crawler.parsing.agencies import credited_agency

BEFORE = "কর্মকর্তারা এ কথা বলেন। "


def credited(text: str, byline: str | None = None) -> str | None:
    return credited_agency(normalize("NFC", text), byline)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # A label.
        ("খবর এএফপির।", "AFP"),
        ("খবর এএফপি’র।", "AFP"),
        ("খবর এপি-র।", "AP"),
        ("খবর রয়টার্স-এর।", "Reuters"),
        ("খবর ঃ বাসস", "BSS"),
        ("খবর বাসসের।", "BSS"),
        ("(খবর এএফপি)", "AFP"),
        ("খবর ‘এএফপি’।", "AFP"),
        ("খবর বার্তা সংস্থা এপির।", "AP"),
        ("খবর আনাদোলু এজেন্সির।", "Anadolu"),
        ("খবর তাসের।", "TASS"),
        ("খবর বিবিসির।", "BBC"),
        ("খবর আলজাজিরার।", "Al Jazeera"),
        ("সূত্র : এপি", "AP"),
        ("সূত্র: এএফপি/রয়টার্স", "AFP"),
        ("তথ্যসূত্র- বাসস", "BSS"),
        ("তথ্য সূত্র : পিটিআই", "PTI"),
        ("Source: Reuters", "Reuters"),
        # Several.
        ("খবর এএফপি ও বিবিসির।", "AFP"),
        ("খবর ডন ও রয়টার্সের।", "Reuters"),
        ("সূত্র: দ্য গার্ডিয়ান, এএফপি", "AFP"),
        ("খবর এনডিটিভি, ডন এবং এএনআইয়ের।", "ANI"),
        # A dateline, or brackets at the end.
        ("ঢাকা, ১০ আগস্ট ২০২৬ (বাসস) : আজ সকালে বৃষ্টি হয়েছে।", "BSS"),
        ("আজ সকালে বৃষ্টি হয়েছে। (এএফপি)", "AFP"),
        ("আজ সকালে বৃষ্টি হয়েছে [রয়টার্স]।", "Reuters"),
        # A sentence that credits.
        ("বার্তা সংস্থা এএফপির বরাত দিয়ে এ খবর জানানো হয়।", "AFP"),
        ("ফরাসি বার্তা সংস্থা ‘এএফপি’ জানায়, বৃষ্টি হবে।", "AFP"),
        ("রুশ বার্তা সংস্থা তাস জানিয়েছে, বৃষ্টি হবে।", "TASS"),
        ("এএফপি জানায়, বৃষ্টি হবে।", "AFP"),
        ("এএফপি সোমবার জানায়, বৃষ্টি হবে।", "AFP"),
        ("রয়টার্সের প্রতিবেদনে বলা হয়, বৃষ্টি হবে।", "Reuters"),
        ("এ খবর দিয়েছে বার্তা সংস্থা এপি।", "AP"),
        ("এ তথ্য জানিয়েছে বিবিসি।", "BBC"),
        # The most explicit credit counts.
        ("কোরিয়ান সেন্ট্রাল নিউজ এজেন্সি (কেসিএনএ)- এর বরাত দিয়ে এএফপি জানায়, চিঠি এসেছে।", "AFP"),
        ("কেসিএনএর বরাত দিয়ে জানা যায়।\n\nশেষ কথা। খবর এএফপির।", "AFP"),
        ("রয়টার্স জানায়, বৃষ্টি হবে।\n\nসূত্র : বাসস", "BSS"),
    ],
)
def test_credit_is_found_in_every_form(text: str, name: str | None) -> None:
    assert credited(text) == name
    assert credited(BEFORE + text) == name
    assert credited(f"{BEFORE}\n\n{text}\n\n{BEFORE}") == name


@pytest.mark.parametrize(
    "text",
    [
        # The letters inside another word.
        "খবর এপিএলের।",
        "খবর: এপিআই",
        "এপিবিএন জানিয়েছে",
        "বাসসহ তিনজন আটক। খবর বাসসহ",
        "সূত্র: বাসস্ট্যান্ড",
        "অএএফপি জানায়",
        # The word with another meaning.
        "তাস খেলার খবর পেয়ে পুলিশ আসে।",
        "জুয়া (তাস) খেলা চলছিল।",
        "তাসনিম জানায়, সে ভালো আছে।",
        "এপি র‍্যালিতে ছিলেন।",
        # A mention.
        "রয়টার্সকে তিনি এ তথ্য জানান।",
        "এএফপি’কে খবর দিয়েছে তারা।",
        "রয়টার্সের সঙ্গে কথা বলেছেন তিনি।",
        "বার্তা সংস্থা রয়টার্সকে দেওয়া সাক্ষাৎকারে তিনি এ তথ্য জানান।",
        "বার্তা সংস্থা রয়টার্সের সঙ্গে আলাপে তিনি এ তথ্য জানান।",
        "বার্তা সংস্থা এএফপির এক সাংবাদিক নিহত হয়েছেন বলে জানিয়েছে পুলিশ।",
        "বাংলাদেশ সংবাদ সংস্থা (বাসস)-এর চেয়ারম্যান আসেন।",
        # The credit of a picture.
        "ছবি: এএফপি",
        "ছবির সূত্র : রয়টার্স",
        "",
    ],
)
def test_mention_is_not_a_credit(text: str) -> None:
    assert credited(text) is None
    assert credited(BEFORE + text) is None


@pytest.mark.parametrize(
    ("byline", "name"),
    [
        ("ঢাকা (বাসস)", "BSS"),
        ("এএফপি ও রয়টার্স", "AFP"),
        ("কালবেলা ডেস্ক, রয়টার্স", "Reuters"),
        ("ইউএনবি নিউজ", "UNB"),
        ("রয়টার্স অবলম্বনে", "Reuters"),
        ("বিবিসি বাংলা", "BBC"),
        ("র\u09dfটার্স", "Reuters"),
        ("কালবেলা ডেস্ক", None),
        ("তাসনিম", None),
        ("এপি সরকার", None),
        (None, None),
    ],
)
def test_agency_is_found_in_byline(byline: str | None, name: str | None) -> None:
    assert credited("বৃষ্টি হবে।", byline) == name


def test_byline_takes_precedence_over_text() -> None:
    assert credited("খবর এএফপির।", "ইউএনবি") == "UNB"
    assert credited("খবর এএফপির।", "কালবেলা ডেস্ক") == "AFP"
