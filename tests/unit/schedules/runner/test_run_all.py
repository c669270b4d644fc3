"""Several runs at once: each site has its own report, and no site stops another."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.storage.site_lock import SiteLocked
from schedules.exit_codes import ExitCode, gravest
from schedules.runner import run_all as module
from schedules.runner.run_all import MAX_RUNS, not_started, run_all


class Run:
    """A run that ends at the third look; sites named `locked` or `broken` do not start."""

    running = most = 0

    def __init__(self, options: Any) -> None:
        name = options.newspaper.name
        if name == "locked":
            raise SiteLocked(name, {})
        if name == "broken":
            raise RuntimeError("a fault of the site's own")
        self.options, self.signal, self.looks = options, None, 0
        self.warnings: list[str] = []
        Run.running += 1
        Run.most = max(Run.most, Run.running)

    def has_ended(self) -> bool:
        self.looks += 1
        Run.running -= self.looks == 3
        return self.looks >= 3

    def conclude(self) -> dict[str, Any]:
        return {"run_id": "r", "site": self.options.newspaper.name, "exit_code": 0}


def runs(*names: str) -> list[dict[str, Any]]:
    options: Any = [SimpleNamespace(newspaper=SimpleNamespace(name=name)) for name in names]
    return run_all(options, lambda run: None, lambda text: None)


@pytest.fixture(autouse=True)
def _fake_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RunProcess", Run)
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    Run.running = Run.most = 0


def test_site_that_cannot_start_spares_others() -> None:
    reports = runs("a", "locked", "broken", "b")
    assert [(report["site"], report["exit_code"]) for report in reports] == [
        ("a", ExitCode.DONE),
        ("locked", ExitCode.LOCKED),
        ("broken", ExitCode.INTERNAL),
        ("b", ExitCode.DONE),
    ]


def test_only_site_raises_its_error() -> None:
    with pytest.raises(SiteLocked):
        runs("locked")


def test_number_of_runs_is_bounded() -> None:
    names = [f"site{number}" for number in range(3 * MAX_RUNS)]
    assert [report["site"] for report in runs(*names)] == names
    assert Run.most == MAX_RUNS


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ((0, 3), 3),
        ((3, 6), 6),
        ((6, 4), 4),
        ((4, 9), 9),
        ((9, 2), 2),
        ((2, 1), 1),
        ((1, 7), 7),
        ((7, 8), 8),
        ((130, 9), 130),
        ((143, 7), 7),
        ((0, 0), 0),
    ],
)
def test_gravest_code_is_returned(codes: tuple[int, ...], code: int) -> None:
    assert gravest(codes) == gravest(reversed(codes)) == code


def test_report_without_run_names_site() -> None:
    report = not_started("paper", SiteLocked("paper", {}))
    assert (report["site"], report["exit_code"], report["verdict"]["exit_code"]) == ("paper", 6, ExitCode.LOCKED)
