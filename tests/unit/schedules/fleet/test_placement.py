"""Placement of sites on data folders: few moves, and none that could lose anything."""

from pathlib import Path

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import WrongUsage
from schedules.fleet.placement import ABSENCE_SECONDS, VERSION, Placement, WorkerInfo, rendezvous

SITES = [f"site{number}" for number in range(300)]


def worker(name: str, folder: str = "", version: str = VERSION, **sites: str) -> WorkerInfo:
    """Return a worker whose folder has a ledger of some sites, each with its generation."""
    return WorkerInfo(f"tcp://{name}:1", name, folder or f"folder of {name}", sites, version)


def test_new_worker_takes_only_its_share() -> None:
    before = {site: rendezvous(site, "abc") for site in SITES}
    after = {site: rendezvous(site, "abcd") for site in SITES}
    moved = [site for site in SITES if before[site] != after[site]]
    assert {after[site] for site in moved} == {"d"}
    assert 40 < len(moved) < 110


class Fleet:
    def __init__(self, root: Path, *, has_bucket: bool) -> None:
        self.now = 0.0
        data = DataFolder(root)
        data.prepare()
        self.placement = Placement(data, has_bucket, clock=lambda: self.now)

    def at(self, site: str, *workers: WorkerInfo) -> str | None:
        self.placement.update(workers)
        chosen = self.placement.choose(site)
        return chosen.name if chosen else None


@pytest.mark.parametrize("has_bucket", [False, True])
def test_site_waits_for_absent_worker(tmp_path: Path, has_bucket: bool) -> None:
    fleet = Fleet(tmp_path, has_bucket=has_bucket)
    first = fleet.at("kalbela", worker("a"), worker("b"))
    assert first
    fleet.placement.note("kalbela", f"folder of {first}", uploaded=False)
    other = worker("b" if first == "a" else "a")
    assert fleet.at("kalbela", other) is None
    assert not fleet.placement.waiting(["kalbela"])
    fleet.now = ABSENCE_SECONDS
    assert fleet.at("kalbela", other) == (other.name if has_bucket else None)
    assert [*fleet.placement.waiting(["kalbela"])] == ([] if has_bucket else ["kalbela"])
    assert fleet.at("kalbela", worker(first), other) == first


def test_site_stays_where_its_first_run_was_killed(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, has_bucket=False)
    first = fleet.at("kalbela", worker("a"), worker("b"))
    assert first
    fleet.placement.pin("kalbela", f"folder of {first}")
    other = worker("b" if first == "a" else "a")
    assert fleet.at("kalbela", other) is None
    again = Fleet(tmp_path, has_bucket=False)
    assert again.at("kalbela", other) is None
    assert again.at("kalbela", other, worker(first)) == first


def test_site_moves_only_with_all_its_files_in_bucket(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, has_bucket=True)
    fleet.placement.note("kalbela", "folder of z", uploaded=False)
    workers = [worker(name) for name in "abcdefz"]
    assert rendezvous("kalbela", [each.folder for each in workers]) != "folder of z"
    assert fleet.at("kalbela", *workers) == "z"
    fleet.placement.note("kalbela", "folder of z", uploaded=True)
    assert fleet.at("kalbela", *workers) != "z"


def test_ledger_found_on_worker_is_its_place(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, has_bucket=False)
    for name in "abc":
        workers = [worker(each, **({"kalbela": ""} if each == name else {})) for each in "abc"]
        assert fleet.at("kalbela", *workers) == name
        workers = [worker(each, kalbela="2026-02-02" if each == name else "2026-02-01") for each in "abc"]
        assert fleet.at("kalbela", *workers) == name


def test_latest_generation_that_began_is_kept(tmp_path: Path) -> None:
    placement = Fleet(tmp_path, has_bucket=False).placement
    placement.pin("kalbela", "a")
    for generation in ("2026-02-02", "2026-02-01"):
        placement.begin("kalbela", generation)
    placement.save()
    assert Fleet(tmp_path, has_bucket=False).placement.generations == {"kalbela": "2026-02-02"}


def test_worker_of_other_version_gets_no_site(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, has_bucket=False)
    assert fleet.at("kalbela", worker("a", version="0.0.1"), worker("b")) == "b"
    assert fleet.at("samakal", worker("a", version="0.0.1")) is None
    fleet.now = ABSENCE_SECONDS
    assert "0.0.1" in fleet.placement.waiting(["samakal"])["samakal"]


def test_cluster_without_workers_is_an_alarm(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, has_bucket=True)
    assert fleet.at("kalbela") is None
    fleet.now = ABSENCE_SECONDS
    assert [*fleet.placement.waiting(["kalbela"])] == ["kalbela"]
    fleet.at("kalbela", worker("a"))
    assert not fleet.placement.waiting(["kalbela"])


def test_workers_with_one_folder_replace_each_other(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, has_bucket=False)
    fleet.placement.note("kalbela", "shared", uploaded=True)
    assert {fleet.at("kalbela", worker(name, "shared")) for name in "abc"} == {"a", "b", "c"}


def test_record_survives_restart(tmp_path: Path) -> None:
    Fleet(tmp_path, has_bucket=False).placement.note("kalbela", "folder of b", uploaded=True)
    again = Fleet(tmp_path, has_bucket=False)
    assert again.at("kalbela", worker("a")) is None
    assert again.at("kalbela", worker("a"), worker("b")) == "b"


@pytest.mark.parametrize("text", ["", "[]", '{"sites": 1}', '{"sites": {"kalbela": {}}}', "{}"])
def test_damaged_record_is_never_guessed(tmp_path: Path, text: str) -> None:
    Fleet(tmp_path, has_bucket=False).placement.dataset.write_text("state/fleet.json", text)
    with pytest.raises(WrongUsage):
        Fleet(tmp_path, has_bucket=False)
