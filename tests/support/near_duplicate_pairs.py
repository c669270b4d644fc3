"""Labelled pairs of bodies: edits of a story, and different stories that look alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tests.newspaper import Newspaper
from tests.newspaper.bengali_text import MONTHS, WEEKDAYS, digits
from tests.newspaper.text_generator import BEATS, TextGenerator
from tests.newspaper.vocabulary import WORDS

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Labelled:
    """Two bodies, the time between them, and the label."""

    kind: str
    near: bool
    one: str
    other: str
    apart: timedelta


def retouched(body: str, rng: Random, composer: TextGenerator) -> str:
    """Replace words, change one paragraph, add a sentence, and sometimes cut the end."""
    paragraphs = [_some_words_replaced(text, rng, rng.uniform(0.0, 0.035)) for text in body.split("\n\n")]
    place = rng.randrange(len(paragraphs))
    paragraphs[place] = f"{composer.fill('{join} {adv}')} {paragraphs[place]}"
    if len(paragraphs) > 5 and rng.random() < 0.5:
        paragraphs.pop()
    return "\n\n".join([*paragraphs, f"{composer.fill('এ খবর লেখা পর্যন্ত {group.d} {matter} কাটেনি')}।"])


def print_twin(body: str, rng: Random, composer: TextGenerator) -> str:
    """Make the print edition: another date word and opening, a shorter end."""
    first, *others = body.replace("আজ", "গতকাল").split("\n\n")
    kept = others[: max(3, len(others) - rng.randint(0, 2))]
    return "\n\n".join([f"{composer.fill('{adv} {adj}')} {first}", *kept])


def follow_up(body: str, rng: Random, composer: TextGenerator) -> str:
    """Put new paragraphs before the earlier story, without its first sentence."""
    _, _, rest = body.partition("। ")
    fresh = [composer.paragraph() for _ in range(rng.randint(1, max(1, min(3, len(body.split("\n\n")) // 3))))]
    return "\n\n".join([*fresh, rest or body])


def toll_corrected(body: str, rng: Random, composer: TextGenerator) -> str:
    """Correct one number."""
    numbers = [word for word in body.split() if word.isdecimal()]
    return body.replace(f" {numbers[0]} ", f" {digits(int(numbers[0]) + 2)} ") if numbers else body + " সংশোধিত।"


def in_another_form(body: str, rng: Random, composer: TextGenerator) -> str:
    """Change quotes, joiners, composition and spaces, and add a word."""
    changed = body.translate({0x201C: '"', 0x201D: '"', 0x2018: "'", 0x2019: "'", 0x200C: None, 0x200D: None})
    return changed.replace("য়", "য়").replace("ড়", "ড়").replace("।", " ।").replace(",", " ,") + " শেষ।"


def _some_words_replaced(text: str, rng: Random, share: float) -> str:
    return " ".join(rng.choice(WORDS["adverbs"]) if rng.random() < share else word for word in text.split(" "))


EDITS: dict[str, tuple[Callable[[str, Random, TextGenerator], str], tuple[int, int]]] = {
    "retouched": (retouched, (0, 30)),
    "print twin": (print_twin, (3, 20)),
    "follow-up": (follow_up, (1, 60)),
    "toll corrected": (toll_corrected, (1, 9)),
    "another form": (in_another_form, (0, 200)),
}


def _date(day: datetime) -> str:
    return f"{WEEKDAYS[day.weekday()]} ({digits(day.day)} {MONTHS[day.month - 1]})"


def prayer_times(day: datetime, rng: Random) -> str:
    """Dates change, and minutes by one or two."""
    at = day.timetuple().tm_yday
    minutes = (312 - at // 3, 725 + at // 4, 950 + at // 2, 1050 + at // 2, 1130 + at // 2)
    told = "। ".join(
        f"{name} শুরু {digits(m // 60 % 12 or 12)}টা {digits(m % 60)} মিনিটে এবং জামাত তার কিছু পরে"
        for name, m in zip(("ফজর", "জোহর", "আসর", "মাগরিব", "এশা"), minutes, strict=True)
    )
    return (
        f"ইসলামের পাঁচ স্তম্ভের দ্বিতীয়টি নামাজ। প্রতিদিন পাঁচ ওয়াক্ত নামাজ আদায় করা প্রত্যেক মুসলমানের ওপর ফরজ। আজ {_date(day)}। "
        f"ঢাকা ও পার্শ্ববর্তী এলাকার নামাজের সময়সূচি তুলে ধরা হলো। {told}। বিভাগীয় শহরের জন্য উল্লিখিত সময়ের সঙ্গে "
        f"কিছু মিনিট যোগ বা বিয়োগ করতে হবে। আজ সূর্যাস্ত {digits(5)}টা {digits(17 + at // 2 % 40)} মিনিটে।"
    )


def exchange_rates(day: datetime, rng: Random) -> str:
    coins = ("ডলার", "ইউরো", "পাউন্ড", "রুপি", "রিয়াল", "দিরহাম", "রিঙ্গিত", "ইউয়ান", "দিনার", "ফ্রাঁ")
    base = Random(7)
    rates = [base.randint(20, 400) + (day.timetuple().tm_yday if i % 3 == 0 else 0) for i in range(len(coins))]
    told = ", ".join(
        f"{coin} {digits(rate)} টাকা {digits(rng.randint(1, 99))} পয়সা" for coin, rate in zip(coins, rates, strict=True)
    )
    return (
        "প্রবাসীদের পাঠানো আয় ও ব্যবসা-বাণিজ্যের প্রয়োজনে মুদ্রা বিনিময়ের হার জানা জরুরি। বিশ্বের নানা দেশে ছড়িয়ে আছেন বাংলাদেশিরা। "
        f"তাদের লেনদেনের সুবিধার্থে {digits(day.day)} {MONTHS[day.month - 1]} তারিখের হার তুলে ধরা হলো। {told}। "
        "যে কোনো সময় মুদ্রার বিনিময় হার পরিবর্তন হতে পারে, তাই লেনদেনের আগে ব্যাংকে জেনে নেওয়া ভালো।"
    )


def weather(day: datetime, rng: Random) -> str:
    sky = rng.choice(("আংশিক মেঘলা", "পরিষ্কার", "অস্থায়ীভাবে মেঘলা"))
    hot, cold = rng.sample(WORDS["districts"], 2)
    warmest, coldest = (
        f"{digits(rng.randint(*bounds))} দশমিক {digits(rng.randint(0, 9))}" for bounds in ((24, 30), (6, 13))
    )
    return (
        f"সারা দেশে আকাশ {sky} থাকতে পারে এবং আবহাওয়া শুষ্ক থাকতে পারে বলে জানিয়েছে আবহাওয়া অধিদপ্তর। {_date(day)} সকাল "
        f"{digits(rng.choice((7, 9)))}টা থেকে পরবর্তী ২৪ ঘণ্টার পূর্বাভাসে এ তথ্য জানানো হয়। পূর্বাভাসে বলা হয়, মধ্যরাত থেকে সকাল পর্যন্ত "
        "সারা দেশের কোথাও কোথাও মাঝারি থেকে ঘন কুয়াশা পড়তে পারে এবং তা দুপুর পর্যন্ত অব্যাহত থাকতে পারে। ঘন কুয়াশার কারণে বিমান চলাচল, "
        "অভ্যন্তরীণ নৌপরিবহন ও সড়ক যোগাযোগ সাময়িকভাবে ব্যাহত হতে পারে। সারা দেশে রাত ও দিনের তাপমাত্রা প্রায় অপরিবর্তিত থাকতে পারে। "
        f"গতকাল দেশের সর্বোচ্চ তাপমাত্রা ছিল {hot} জেলায় {warmest} ডিগ্রি এবং সর্বনিম্ন {cold} জেলায় {coldest} ডিগ্রি সেলসিয়াস।"
    )


def gold_price(day: datetime, rng: Random) -> str:
    price = 140_000 + day.timetuple().tm_yday * 350
    steps = {22: 0, 21: 6_700, 18: 26_000}
    told = ", ".join(f"{digits(karat)} ক্যারেটের ভরি {digits(price - step)} টাকা" for karat, step in steps.items())
    return (
        "দেশের বাজারে সোনার দাম সমন্বয় করেছে বাংলাদেশ জুয়েলার্স অ্যাসোসিয়েশন। স্থানীয় বাজারে তেজাবি সোনার মূল্য বিবেচনায় নিয়ে নতুন এ দাম "
        f"নির্ধারণ করা হয়েছে। {_date(day)} থেকে নতুন দাম কার্যকর হবে। এতে বলা হয়, {told}। "
        "বিক্রয়মূল্যের সঙ্গে আবশ্যিকভাবে সরকার নির্ধারিত ভ্যাট ও সংগঠন নির্ধারিত ন্যূনতম মজুরি যুক্ত করতে হবে। "
        "তবে গহনার নকশা ও মানভেদে মজুরির তারতম্য হতে পারে।"
    )


def closed_markets(day: datetime, rng: Random) -> str:
    places = ", ".join(rng.sample(WORDS["neighbourhoods"], 9))
    return (
        f"নিত্যপ্রয়োজনীয় পণ্য কেনাকাটা করতে অনেকেই বিপণিবিতানে যান। কিন্তু গিয়ে যদি দেখেন বন্ধ, তবে মন খারাপ হওয়াই স্বাভাবিক। তাই "
        f"জেনে নিন আজ {_date(day)} রাজধানীর কোন কোন এলাকার দোকানপাট ও মার্কেট বন্ধ থাকবে। যেসব এলাকা বন্ধ : {places}। এ ছাড়া "
        "এসব এলাকার দর্শনীয় স্থানগুলোও সাপ্তাহিক ছুটির কারণে পুরো দিন বা অর্ধেক দিন বন্ধ থাকতে পারে।"
    )


def accident(rng: Random, composer: TextGenerator) -> str:
    """Fill a template of more than fifty words with other places and victims."""
    names = [f"{rng.choice(WORDS['given names'])} {rng.choice(WORDS['surnames'])}" for _ in range(3)]
    town, district = rng.choice(WORDS["towns"]), rng.choice(WORDS["districts"])
    dead, hurt, *ages = (digits(rng.randint(*bounds)) for bounds in ((1, 9), (2, 30), (18, 70), (18, 70)))
    when = f"{composer.day()} {rng.choice(WORDS['dayparts'])}"
    return (
        f"{district} জেলার {town} উপজেলায় ট্রাক ও মোটরসাইকেলের মুখোমুখি সংঘর্ষে {dead} জন নিহত হয়েছেন। এ ঘটনায় আহত হয়েছেন "
        f"আরও {hurt} জন। {when} এ দুর্ঘটনা ঘটে। নিহতরা হলেন {names[0]} ({ages[0]}) ও {names[1]} ({ages[1]})। "
        f"{town} থানার ভারপ্রাপ্ত কর্মকর্তা {names[2]} বিষয়টি নিশ্চিত করেছেন। তিনি জানান, মরদেহ উদ্ধার করে ময়নাতদন্তের জন্য "
        f"{district} সদর হাসপাতালের মর্গে পাঠানো হয়েছে। এ ঘটনায় মামলার প্রস্তুতি চলছে।"
    )


def dengue(day: datetime, rng: Random) -> str:

    def n(least: int, most: int) -> str:
        return digits(rng.randint(least, most))

    regions = ("বরিশাল", "চট্টগ্রাম", "ঢাকা", "খুলনা", "ময়মনসিংহ", "রাজশাহী")
    told = ", ".join(f"{region} বিভাগে {n(5, 120)} জন" for region in regions)
    return (
        f"গত ২৪ ঘণ্টায় ডেঙ্গু আক্রান্ত হয়ে {n(0, 5)} জনের মৃত্যু হয়েছে। একই সময়ে সারা দেশে হাসপাতালে ভর্তি হয়েছেন {n(200, 900)} জন। "
        f"{_date(day)} স্বাস্থ্য অধিদপ্তরের হেলথ ইমার্জেন্সি অপারেশন সেন্টার ও কন্ট্রোল রুম থেকে পাঠানো ডেঙ্গুবিষয়ক এক প্রেস বিজ্ঞপ্তিতে "
        f"এ তথ্য জানানো হয়। বিজ্ঞপ্তিতে বলা হয়, হাসপাতালে নতুন ভর্তিদের মধ্যে {told} রয়েছেন। চলতি বছরের এ যাবৎ ডেঙ্গুতে আক্রান্ত "
        f"হয়েছেন {digits(50_000 + day.timetuple().tm_yday * 500)} জন। এর মধ্যে {n(50, 60)} শতাংশ পুরুষ।"
    )


def undated_prayer_times(day: datetime, rng: Random) -> str:
    """Omit the date; on some days a single minute changes."""
    return prayer_times(day, rng).replace(f" আজ {_date(day)}।", "")


SERVICES = (prayer_times, undated_prayer_times, exchange_rates, weather, gold_price, closed_markets, dengue)


def labelled(stories: int, seed: int = 1) -> Iterator[Labelled]:
    """Yield pairs made from stories of the bundled newspaper, and its own near-duplicates."""
    truth = Newspaper(seed, stories, decoys=False).truth()
    rng = Random(seed)
    ordinary = [s for s in truth.values() if not s.variations & {"flash", "one line", "english", "seed"}]
    composers = [TextGenerator(Random(f"{seed}/{name}"), BEATS[name], START) for name in BEATS]
    for place, story in enumerate(ordinary):
        kind = [*EDITS][place % len(EDITS)]
        edit, (least, most) = EDITS[kind]
        apart = HOUR * rng.randint(least, most)
        yield Labelled(kind, True, story.body, edit(story.body, rng, rng.choice(composers)), apart)
        other = ordinary[place - 1]
        if other.story_id not in story.near | story.copies:
            yield Labelled("another story", False, story.body, other.body, apart)
    for story in truth.values():
        for other_id in sorted(story.near):
            if other_id > story.story_id:
                yield Labelled("of the newspaper", True, story.body, truth[other_id].body, 5 * HOUR)
    yield from _traps(rng, composers, [s.body for s in truth.values() if "flash" in s.variations])
    yield from _same_cast(rng, len(ordinary) // 10)


def _traps(rng: Random, composers: list[TextGenerator], flashes: list[str]) -> Iterator[Labelled]:
    for service in SERVICES:
        issues = [(day, service(START + day * 24 * HOUR, rng)) for day in range(30)]
        for place, (day, one) in enumerate(issues):
            for later, other in issues[place + 1 : place + 9]:
                if one != other:
                    yield Labelled(service.__name__, False, one, other, (later - day) * 24 * HOUR)
    accidents = [accident(rng, rng.choice(composers)) for _ in range(60)]
    for kind, texts in (("accident", accidents), ("flash", flashes)):
        for place, text in enumerate(texts):
            for other in texts[place + 1 : place + 9]:
                yield Labelled(kind, False, text, other, 3 * HOUR)


def _same_cast(rng: Random, count: int) -> Iterator[Labelled]:
    """Yield pairs of different stories with the same people, places and topics."""
    for number in range(count):
        composer = TextGenerator(Random(number), BEATS[rng.choice([*BEATS])], START)
        one, other = ("\n\n".join(composer.paragraph() for _ in range(7)) for _ in range(2))
        yield Labelled("same cast", False, one, other, HOUR)
