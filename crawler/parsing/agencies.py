"""The news agency that a text credits, told from those that it only mentions."""

import re
from collections.abc import Iterator
from unicodedata import normalize

from crawler.bengali.text import clean

_AGENCIES = {
    "AFP": "এএফপি|এজেন্সি ফ্রান্স প্রেস|এজেন্স ফ্রান্স প্রেস|AFP",
    "Reuters": "রয়টার্স|রয়টার|Reuters|REUTERS",
    "AP": "এপি|অ্যাসোসিয়েটেড প্রেস|এসোসিয়েটেড প্রেস|AP|Associated Press",
    "UNB": "ইউএনবি|ইউনাইটেড নিউজ অব বাংলাদেশ|UNB",
    "BSS": "বাসস|বাংলাদেশ সংবাদ সংস্থা|BSS",
    "UPI": "ইউপিআই|UPI",
    "PTI": "পিটিআই|প্রেস ট্রাস্ট অব ইন্ডিয়া|PTI",
    "ANI": "এএনআই|ANI",
    "IANS": "আইএএনএস|IANS",
    "Xinhua": "সিনহুয়া|শিনহুয়া|জিনহুয়া|Xinhua",
    "TASS": "তাস|TASS",
    "RIA Novosti": "রিয়া নভোস্তি|আরআইএ নভোস্তি|আরআইএ|RIA",
    "Anadolu": "আনাদোলু|আনাদুলু|Anadolu",
    "DPA": "ডিপিএ|DPA|dpa",
    "EFE": "ইএফই|EFE",
    "ANSA": "এএনএসএ|আনসা|ANSA",
    "Kyodo": "কিয়োদো|Kyodo",
    "Yonhap": "ইয়োনহাপ|Yonhap",
    "KCNA": "কেসিএনএ|KCNA",
    "IRNA": "ইরনা|IRNA",
    "Tasnim": "তাসনিম|Tasnim",
    "Mehr": "মেহর|Mehr",
    "WAFA": "ওয়াফা|WAFA|Wafa",
    "Bloomberg": "ব্লুমবার্গ|Bloomberg",
    "BBC": "বিবিসি|BBC",
    "CNN": "সিএনএন|CNN",
    "Al Jazeera": "আল জাজিরা|আলজাজিরা|আল-জাজিরা|Al Jazeera",
}
# These are people's names, a game of cards or a summer dress too; or they are broadcasters, whose programmes are news
# themselves. They need a plain credit, or the word agency before them.
_NAMES_TOO = frozenset(("TASS", "Tasnim", "Mehr", "WAFA", "ANSA"))
_BROADCASTERS = frozenset(("BBC", "CNN", "Al Jazeera"))

# The ending of the case that a name stands in; কে is another case: somebody talks to them.
_CASE = (
    r"(?:\s(?:এজেন্সি|নিউজ|বাংলা|অনলাইন))?(?:[’'‘-]?\s?(?:এর|য়ের|ের|র))?"
    r"(?![\u0980-\u09ff\u200c\u200d\w]|[’'‘-]\s?কে)"
)
_WIRE = r"(?:(?:বার্তা|সংবাদ)\s*সংস্থা|নিউজ এজেন্সি)\s+"
_QUOTE = r"[‘’'“”\"]?"
_SAYS = r"(?:জানায়|জানিয়েছে|জানাচ্ছে|বলছে|বলেছে|লিখেছে|দিয়েছে)"
_TELLS = r"(?:বরাত|প্রতিবেদন|খবর|সূত্রে|তথ্যমতে|তথ্য অনু)"
_BETWEEN = r"(?:\s(?:এ|এই|এক|একটি|আজ|গতকাল|খবর|তথ্য|কথা|সংবাদ|খবরে|প্রতিবেদনে|[^\s।]*বারে?))*"
_PEOPLE = r"(?:সঙ্গে|সাথে|কাছে|(?:এক|একজন)?\s*(?:সাংবাদিক|আলোকচিত্রী|কর্মী|কার্যালয়|সম্পাদক))"


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(normalize("NFC", pattern))


_FORMS = tuple((normalize("NFC", form), name) for name, forms in _AGENCIES.items() for form in forms.split("|"))
_KNOWN_AS = dict(_FORMS)
_BENGALI_FORMS = tuple((form, name) for form, name in _FORMS if not form.isascii())
_LATIN = re.compile("[A-Za-z]")
_LETTER = _compile(r"[\u0980-\u09ff\w]")
_BYLINE_PARTS = _compile(r"\s*[,/|()]\s*|\s(?:ও|এবং)\s")
_BYLINE = _compile(
    rf"(?:{_WIRE})?(?P<form>{'|'.join(_AGENCIES.values())})"
    r"(?:\s(?:এজেন্সি|নিউজ|বাংলা|ডেস্ক|প্রতিনিধি|প্রতিবেদক|সংবাদদাতা|অবলম্বনে))?"
)
_LABEL = r"(?<![\u0980-\u09ff\w])(?<!ছবি )(?<!ছবির )(?:খবর|তথ্যসূত্র|সূত্র|সুত্র|[Ss]ource)"
_LIST = r"(?:[^।:ঃ\n,]{1,30}(?:,|/|\sও|\sএবং)\s*){1,3}"
_ENDS = rf"{_QUOTE}\s*(?:$|[।.,)\]/|\n]|(?:ও|এবং)\s)"
_NOBODY: frozenset[str] = frozenset()
# What stands before and after a name that is credited, and for whom that is not enough: from the plainest kind of
# credit to the faintest.
_KINDS = tuple(
    (_compile(rf"(?:{before})$"), _compile(_CASE + after), refused)
    for before, after, refused in (
        (rf"{_LABEL}\s*[:ঃ–—-]\s*{_QUOTE}(?:{_WIRE})?{_QUOTE}", "", _NOBODY),
        (rf"{_LABEL}\s+{_QUOTE}(?:{_WIRE})?{_QUOTE}", _ENDS, _NOBODY),
        (rf"{_LABEL}\s*[:ঃ–—-]?\s*{_LIST}{_QUOTE}(?:{_WIRE})?{_QUOTE}", _ENDS, _NAMES_TOO),
        (r"[(\[]\s*", r"\s*[)\]]\s*(?:$|[:ঃ।\n]|[–—-]\s*(?!\s*(?:এর|র|কে)))", _NAMES_TOO | _BROADCASTERS),
        (rf"{_SAYS}\s+{_QUOTE}(?:{_WIRE})?{_QUOTE}", _ENDS, _NAMES_TOO),
        (rf"{_WIRE}{_QUOTE}", rf"(?!\s*{_PEOPLE})[^।\n]{{0,80}}?(?:{_SAYS}|{_TELLS})", _NOBODY),
        ("", rf"{_QUOTE}(?:{_BETWEEN}\s{_SAYS}|\s(?:এক\s|একটি\s)?{_TELLS})", _NAMES_TOO | _BROADCASTERS),
    )
)
_NEARBY = 120
_MOST_PLACES = 100


def agency(body: str, byline: str | None) -> str | None:
    """The agency that a clean text or its byline credits, by the name it is known by; null where they credit none.

    A broadcaster counts where it is credited like one. The plainest kind of credit decides, and of it the first place.
    """
    for part in _BYLINE_PARTS.split(clean(byline) or ""):
        if (match := _BYLINE.fullmatch(part)) and (name := _KNOWN_AS[match["form"]]) not in _NAMES_TOO:
            return name
    forms = _FORMS if _LATIN.search(body) else _BENGALI_FORMS
    found = ((_kind(body, at, form), at, name) for form, name in forms if form in body for at in _places(body, form))
    return min(((kind, at, name) for kind, at, name in found if kind is not None), default=(0, 0, None))[2]


def _places(body: str, form: str) -> Iterator[int]:
    # Far faster than one pattern of all the names.
    at = body.find(form)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        yield at
        at = body.find(form, at + 1)


def _kind(body: str, start: int, form: str) -> int | None:
    """The kind of credit that a name stands in, as its place in the table; None where it is only mentioned."""
    before = body[max(start - _NEARBY, 0) : start].rpartition("\n")[2]
    if before and _LETTER.match(before[-1]):
        return None
    for kind, (introduction, sequel, refused) in enumerate(_KINDS):
        following = sequel.match(body, start + len(form))
        if following and _KNOWN_AS[form] not in refused and introduction.search(before):
            return kind
    return None
