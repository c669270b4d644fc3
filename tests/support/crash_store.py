"""A data folder for many killed runs."""

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.consistency_check import ConsistencyCheck
from tests.support.fork_server import KILLED, REFUSED, ForkServer, RunResult
from tests.support.synthetic_site import SITES, SyntheticSite

SOAK = [pytest.mark.soak, pytest.mark.timeout(3600)]


@dataclass
class CrashStore:
    server: ForkServer
    place: Path
    world: SyntheticSite
    edition: int = 0
    without: str = ""
    ended: Counter[int] = field(default_factory=Counter)
    reckoning: ConsistencyCheck = field(init=False)

    def __post_init__(self) -> None:
        self.reckoning = ConsistencyCheck(self.root, self.place / "acknowledged", self.world)

    @property
    def root(self) -> Path:
        return self.place / "data"

    def order(self) -> dict[str, Any]:
        order: dict[str, Any] = {"root": self.root, "acks": self.place / "acknowledged", "edition": self.edition}
        order |= {"seed": self.world.seed, "moving": self.world.moving, "without": self.without}
        return order | {"world": next(name for name, kind in SITES.items() if kind is type(self.world))}

    def run(self, **how: object) -> RunResult:
        self.reckoning.forgetful |= how.get("do") == "reindex"
        ended = self.server.run(**self.order() | how)
        self.ended[ended.status] += 1
        assert ended.status in (0, KILLED, REFUSED), f"edition {self.edition}: {ended.status}, see standard error"
        return ended

    def next_edition(self, **how: object) -> RunResult:
        self.edition += 1
        ended = self.run(**how)
        self.reckoning.whole()
        return ended

    def forget(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        (self.place / "acknowledged").unlink(missing_ok=True)
        self.edition = 0
        self.__post_init__()

    def recover(self, **how: object) -> RunResult:
        ended = self.run(do="recover", **how)
        self.reckoning.whole()
        return ended

    def settled(self) -> None:
        assert self.recover().status == 0
        self.reckoning.exact()
