"""`python -m schedules.launching.lean`: what `python -m scrapy` does, for a run that was launched, at less cost.

Arrow imports numpy and pandas where an analyst has installed them: a fifth of a second and 60 MB that no run needs.
"""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_NOT_NEEDED = ("numpy", "pandas")
# A page makes some thousand objects, and nearly none of them is garbage that only a search finds.
OBJECTS_BETWEEN_SEARCHES = 20_000


class _NotInstalled(MetaPathFinder):
    """Finds nothing where others would find what is not needed.

    A None in `sys.modules` would do for an import statement, but Arrow also looks there for what others imported.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _NOT_NEEDED:
            raise ModuleNotFoundError(f"a run does without {fullname}", name=fullname)
        return None


@contextmanager
def lean_imports() -> Iterator[None]:
    """What is imported inside does without what no run needs."""
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def set_gc_threshold() -> None:
    """Look for garbage seldom: also among what imports make, which stays, so that each search takes longer."""
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES, 10, 10)


def main() -> None:
    """Run one of Scrapy's commands."""
    set_gc_threshold()
    with lean_imports():
        # As it is imported, it looks for every frame of the stack through all modules: now they are few.
        import scrapy.core.downloader.contextfactory  # noqa: F401
        from scrapy.cmdline import execute

        execute()


if __name__ == "__main__":
    main()
