"""The paper's sections: their paths, Bengali names, what they write about and how much of the paper they fill."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Section:
    """One section; `beat` names what it writes about, `weight` its share of the day's stories."""

    path: str
    name: str
    beat: str
    weight: int
    validators: bool = True
    printed: bool = False

    @property
    def parent(self) -> str:
        return self.path.partition("/")[0]


# The validators of some sections are missing on purpose: their pages carry no ETag and no Last-Modified.
_TABLE: Final = """
country-news                    | সারাবেলা          | country  | 24
national                        | জাতীয়             | national | 14
politics                        | রাজনীতি           | politics | 12
world                           | বিশ্ব              | world    | 1
world/middle-east               | মধ্যপ্রাচ্য          | world    | 4
world/asia                      | এশিয়া            | world    | 3
world/united-states             | যুক্তরাষ্ট্র          | world    | 2
world/africa                    | আফ্রিকা           | world    | 1
world/pakistan                  | পাকিস্তান          | world    | 1
world/north-korea               | উত্তর কোরিয়া      | world    | 0
sports                          | খেলা              | sports   | 1 | no validators
sports/football                 | ফুটবল             | sports   | 4 | no validators
sports/cricket                  | ক্রিকেট            | sports   | 4 | no validators
sports/others                   | অন্যান্য খেলা       | sports   | 1 | no validators
entertainment                   | বিনোদন            | other    | 5
business-news                   | বাণিজ্য            | other    | 4
capital                         | রাজধানী           | capital  | 4
dainikshiksha                   | শিক্ষা             | other    | 2
dainikshiksha/results           | ফলাফল            | other    | 1
lifestyle                       | জীবনযাপন          | other    | 2
lifestyle/others                | অন্যান্য            | other    | 1
religion                        | ধর্ম               | other    | 2
job-news                        | চাকরি             | other    | 2
probash                         | প্রবাস             | other    | 2
technology                      | প্রযুক্তি           | other    | 1
technology/science              | বিজ্ঞান            | other    | 1
health                          | স্বাস্থ্য           | other    | 2
court-law                       | আইন-আদালত        | national | 2
crime                           | অপরাধ            | country  | 2
opinion/editorial               | সম্পাদকীয়          | national | 1 | no validators
opinion/others                  | মতামত             | other    | 1 | no validators
social-media                    | সোশ্যাল মিডিয়া     | other    | 1
celebration                     | প্রতিষ্ঠাবার্ষিকী     | country  | 0
ajkerpatrika/firstpage          | প্রথম পাতা         | national | 2 | print
ajkerpatrika/lastpage           | শেষ পাতা          | country  | 2 | print
ajkerpatrika/khela              | খেলা              | sports   | 1 | print
""".strip().splitlines()


def _section(line: str) -> Section:
    path, name, beat, weight, *flags = (cell.strip() for cell in line.split("|"))
    return Section(path, name, beat, int(weight), "no validators" not in flags, "print" in flags)


SECTIONS: Final = {section.path: section for section in map(_section, _TABLE)}

# Sections of the menu in which this paper has no story of its own.
EMPTY_SECTIONS: Final = {
    "art-literature": "শিল্প-সাহিত্য",
    "chittagong-sarabela": "চট্টগ্রাম সারাবেলা",
    "women-children": "নারী ও শিশু",
    "legal-advice": "আইনি পরামর্শ",
    "strange-news": "অদ্ভুত খবর",
    "corporate": "করপোরেট",
    "environment-climate": "পরিবেশ ও জলবায়ু",
    "psi": "পিএসআই",
    "election": "নির্বাচন",
    "podcast": "পডকাস্ট",
    "special": "বিশেষ আয়োজন",
    "ajkerpatrika": "আজকের পত্রিকা",
    "opinion": "মতামত",
}


def within(section: str, path: str) -> bool:
    """Whether a story of the section belongs to the listing at the path (a parent lists its children's stories)."""
    return section == path or section.startswith(f"{path}/")
