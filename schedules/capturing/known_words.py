"""Words that the parser itself knows, such as names of months and the labels of dates; a scrambled page keeps them."""

import ast
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getsourcefile
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import regex

# Latin words are taken from these modules only; others have English words as names of columns and elements.
_PROSE_MODULES = (
    *("crawler.bengali.date_patterns", "crawler.bengali.dates", "crawler.parsing.agencies"),
    *("crawler.parsing.boilerplate", "crawler.parsing.captions", "crawler.generic.date_texts"),
    *("crawler.generic.declared", "crawler.generic.line_filter", "crawler.generic.month_names"),
    *("crawler.generic.publication", "crawler.downloader.response_check"),
)
_PACKAGES = ("crawler.bengali", "crawler.parsing", "crawler.generic", "crawler.cms", "crawler.decoding")
_RUN = regex.compile(r"[\p{L}\p{M}]+")
_ESCAPE = regex.compile(r"\\[A-Za-z]")
_OPTIONAL = regex.compile(r"([\p{L}\p{M}])\?\+?")  # in a pattern
_MIN_STEM, _MIN_LATIN_END = 2, 5


class KnownWords:
    """The words in the patterns of the parser and in the declarations of a site.

    :param site: class of the site's spider, if there is one
    """

    def __init__(self, site: type[Any] | None = None) -> None:
        names = [name for package in _PACKAGES for name in _modules(package)]
        self._words = {word for name in names for word in _words_of(name) if not word.isascii()}
        self._words |= {word for name in _PROSE_MODULES for word in _words_of(name)}
        if site is not None:
            self._words |= _words_of(site.__module__)

    def __contains__(self, word: str) -> bool:
        """Return True if the parser knows a word in NFC: as a whole, or as a known word with a known ending."""
        word = word.casefold()
        if word in self._words:
            return True
        last = len(word) - _MIN_LATIN_END + 1 if word.isascii() else len(word)
        splits = ((word[:place], word[place:]) for place in range(_MIN_STEM, last))
        return any(stem in self._words and end in self._words for stem, end in splits)


def _modules(package: str) -> Iterator[str]:
    yield from (f"{package}.{module.name}" for module in iter_modules(import_module(package).__path__))


@cache
def _words_of(module: str) -> frozenset[str]:
    """Return the runs of letters in the strings of a module, without its docstrings."""
    path = getsourcefile(import_module(module))
    tree = ast.parse(Path(path).read_text(encoding="utf-8") if path else "")
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    )
    plain = [_ESCAPE.sub(" ", unicodedata.normalize("NFC", text)) for text in texts]
    forms = (form for text in plain for form in (text, _OPTIONAL.sub("", text), _OPTIONAL.sub(r"\1", text)))
    runs = (run for form in forms for run in _RUN.findall(form))
    return frozenset(run.casefold() for run in runs if len(run) > 1 or not run.isascii())
