"""Detection of the news agency that a story names as its source; a mention of an agency in the text is not enough."""

import re
from itertools import islice
from unicodedata import normalize

from crawler.bengali.text import clean, compile_nfc

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
# These words are also names of people, or a game of cards, or ordinary words; and broadcasters are often the subject of
# news. Both need an explicit credit, or the word agency before them.
_AMBIGUOUS = frozenset(("TASS", "Tasnim", "Mehr", "WAFA", "ANSA"))
_BROADCASTERS = frozenset(("BBC", "CNN", "Al Jazeera"))

# The case ending of a name. কে is excluded: in that case somebody talks to the agency.
_CASE = (
    r"(?<=\S)(?:\s(?:এজেন্সি|নিউজ|বাংলা|অনলাইন))?(?:[’'‘-]?\s?(?:এর|য়ের|ের|র))?"
    r"(?![\u0980-\u09ff\u200c\u200d\w]|[’'‘-]\s?কে)"
)
_NEWS_AGENCY = r"(?:(?:বার্তা|সংবাদ)\s*+সংস্থা|নিউজ এজেন্সি)\s++"
_QUOTE = r"[‘’'“”\"]?"
_REPORTS = r"(?:জানায়|জানিয়েছে|জানাচ্ছে|বলছে|বলেছে|লিখেছে|দিয়েছে)"
_REPORT_NOUN = r"(?:বরাত|প্রতিবেদন|খবর|সূত্রে|তথ্যমতে|তথ্য অনু)"
_BETWEEN = r"(?:\s(?:এ|এই|এক|একটি|আজ|গতকাল|খবর|তথ্য|কথা|সংবাদ|খবরে|প্রতিবেদনে|[^\s।]{0,30}বারে?)){0,12}"
_PEOPLE = r"(?:সঙ্গে|সাথে|কাছে|(?:(?:এক|একজন)\s*+)?(?:সাংবাদিক|আলোকচিত্রী|কর্মী|কার্যালয়|সম্পাদক))"


_FORMS = tuple((normalize("NFC", form), name) for name, forms in _AGENCIES.items() for form in forms.split("|"))
_NAMES = dict(_FORMS)
_LATIN_FORMS = tuple((form, name) for form, name in _FORMS if form.isascii())
_BENGALI_FORMS = tuple((form, name) for form, name in _FORMS if not form.isascii())
_LATIN = re.compile("[A-Za-z]")
_BENGALI = re.compile("[\u0980-\u09ff]")
_LETTER = compile_nfc(r"[\u0980-\u09ff\w]")
_BYLINE_PARTS = compile_nfc(r" ?[,/|()] ?| (?:ও|এবং) ")
_BYLINE = compile_nfc(
    rf"(?:{_NEWS_AGENCY})?(?P<form>{'|'.join(_AGENCIES.values())})"
    r"(?:\s(?:এজেন্সি|নিউজ|বাংলা|ডেস্ক|প্রতিনিধি|প্রতিবেদক|সংবাদদাতা|অবলম্বনে))?"
)
_LABEL = r"(?<![\u0980-\u09ff\w])(?<!ছবি )(?<!ছবির )(?:খবর|তথ্যসূত্র|সূত্র|সুত্র|[Ss]ource)"
_LIST = r"(?:(?:[^\s।:ঃ,][^।:ঃ\n,]{0,29}|(?<=\s))(?:,|/|\sও|\sএবং)\s*+){1,3}"
_ENDS = rf"{_QUOTE}(?:\s*+(?:$|[।.,)\]/|]|(?:ও|এবং)\s)|[^\S\n]*+\n)"
# Patterns of the text before and after a credited name, from the most explicit kind of credit to the least, and the
# agencies for which the kind does not count.
_CREDITS = tuple(
    (compile_nfc(rf"(?:{before})$"), compile_nfc(_CASE + after), exempt)
    for before, after, exempt in (
        (rf"{_LABEL}\s*+[:ঃ–—-]\s*+{_QUOTE}(?:{_NEWS_AGENCY})?{_QUOTE}", "", ()),
        (rf"{_LABEL}\s++{_QUOTE}(?:{_NEWS_AGENCY})?{_QUOTE}", _ENDS, ()),
        (rf"{_LABEL}\s*+(?:[:ঃ–—-]\s*+)?{_LIST}{_QUOTE}(?:{_NEWS_AGENCY})?{_QUOTE}", _ENDS, _AMBIGUOUS),
        (
            r"[(\[]\s*+",
            r"\s*+[)\]](?:\s*+(?:$|[:ঃ।]|[–—-](?!\s*+(?:এর|র|কে)))|[^\S\n]*+\n)",
            _AMBIGUOUS | _BROADCASTERS,
        ),
        (rf"{_REPORTS}\s++{_QUOTE}(?:{_NEWS_AGENCY})?{_QUOTE}", _ENDS, _AMBIGUOUS),
        (
            rf"{_NEWS_AGENCY}{_QUOTE}",
            rf"(?!\s*+{_PEOPLE})[^।\n]{{0,80}}?(?:{_REPORTS}|{_REPORT_NOUN})",
            frozenset[str](),
        ),
        ("", rf"{_QUOTE}(?:{_BETWEEN}\s{_REPORTS}|\s(?:এক\s|একটি\s)?{_REPORT_NOUN})", _AMBIGUOUS | _BROADCASTERS),
    )
)
_MAX_DISTANCE = 120  # characters before a name that are looked at
_MAX_PLACES = 100  # occurrences of one name


def credited_agency(body: str, byline: str | None) -> str | None:
    """Return the news agency that a story names as its source, or None.

    The source may be named in the text (``body``) or in the byline. If several agencies are named, the most explicit
    kind of credit counts, and among credits of this kind the first.
    """
    for part in _BYLINE_PARTS.split(clean(byline) or ""):
        if (match := _BYLINE.fullmatch(part)) and (name := _NAMES[match["form"]]) not in _AMBIGUOUS:
            return name
    forms = (_BENGALI_FORMS if _BENGALI.search(body) else ()) + (_LATIN_FORMS if _LATIN.search(body) else ())
    candidates = [
        (kind, match.start(), name)
        for form, name in forms
        if form in body  # far faster than one pattern of all names
        for match in islice(re.finditer(re.escape(form), body), _MAX_PLACES)
        if (kind := _kind_of_credit(body, match.start(), form)) is not None
    ]
    return min(candidates)[2] if candidates else None


def _kind_of_credit(body: str, start: int, form: str) -> int | None:
    """Return the kind of credit that one occurrence of an agency's name belongs to, as an index in ``_CREDITS``.

    Return None if the name is only mentioned in the text.
    """
    before = body[max(start - _MAX_DISTANCE, 0) : start].rpartition("\n")[2]
    if before and _LETTER.match(before[-1]):
        return None
    for kind, (introduction, sequel, exempt) in enumerate(_CREDITS):
        if sequel.match(body, start + len(form)) and _NAMES[form] not in exempt and introduction.search(before):
            return kind
    return None
