"""The files in `docs/deploy/`: units, image, containers, rules and the Grafana dashboard."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from khobor import _parser
from pipelines.storage.data_folder import DataFolder
from schedules.dashboard.access import PUBLIC_PATHS
from schedules.metrics.exposition import exposition
from schedules.timetable.config import Timetable
from tests.support.project import PROJECT
from tests.support.run_reports import START

DEPLOY = PROJECT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
METRIC = re.compile(r"\bkhobor_\w+")


def queries() -> dict[str, str]:
    """Return every query of the Grafana dashboard and of the rules, by its title."""
    dashboard = json.loads((DEPLOY / "grafana" / "khobor.json").read_text())
    variables = {each["name"]: each["definition"] for each in dashboard["templating"]["list"]}
    panels = {panel["title"]: " ".join(target["expr"] for target in panel["targets"]) for panel in dashboard["panels"]}
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    return variables | panels | {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the exposition of an empty data folder."""
    dataset = DataFolder(tmp_path_factory.mktemp("data"))
    dataset.prepare()
    text = exposition(dataset, Timetable.read(), START).decode()
    return {
        name
        for family in text_string_to_metric_families(text)
        for name in (family.name, f"{family.name}_total" if family.type == "counter" else family.name)
    }


@pytest.mark.parametrize("title", queries())
def test_queries_use_exposed_metrics(title: str, exposed: set[str]) -> None:
    names = set(METRIC.findall(queries()[title]))
    assert names and names <= exposed


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: str(path.name))
def test_unit_runs_valid_command(unit: Path) -> None:
    lines = re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE)
    settings = dict(lines)
    command = shlex.split(settings["ExecStart"].replace("%i", "kalbela-night"))
    assert command[0] == "/opt/khobor/bin/khobor"
    assert _parser().parse_args(command[1:]).command
    environment = " ".join(value for name, value in lines if name == "Environment")
    assert f"KHOBOR_DATA=/var/lib/{settings['StateDirectory']}" in environment


def test_unit_removes_no_folder_of_surviving_runs() -> None:
    """Systemd removes these folders with the service; SQLite then cannot open its temporary files."""
    surviving = [unit for unit in UNITS if "KillMode=process" in unit.read_text()]
    assert [unit.name for unit in surviving] == ["khobor.service"]
    for unit in surviving:
        assert not re.search(r"^(PrivateTmp|RuntimeDirectory|DynamicUser)=", unit.read_text(), re.MULTILINE)


def test_timers_start_schedules_of_timetable() -> None:
    timetable = tomllib.loads((PROJECT / "schedules" / "schedules.toml").read_text())
    for timer in (DEPLOY / "systemd").glob("*.timer"):
        schedule = timetable["schedule"][timer.stem.partition("@")[2]]
        minute, hour = schedule["cron"].split()[:2]
        assert f"{int(hour):02}:{int(minute):02}:00 {schedule['zone']}" in timer.read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: str(path.name))
def test_unit_is_hardened(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_image_has_files_and_valid_command() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    sources = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert all((PROJECT / name).exists() and name.partition("/")[0] in allowed for name in sources)
    given = dict(re.findall(r"^(ENTRYPOINT|CMD|USER) (.*)$", DOCKERFILE, re.MULTILINE))
    assert json.loads(given["ENTRYPOINT"]) == ["khobor"]
    assert _parser().parse_args(json.loads(given["CMD"])).host == "0.0.0.0"
    assert given["USER"] not in ("root", "0", "0:0")
    assert any(path in DOCKERFILE.partition("HEALTHCHECK")[2] for path in PUBLIC_PATHS)


def test_containers_refer_to_existing_files() -> None:
    services = COMPOSE["services"]
    assert _parser().parse_args(services["khobor"]["command"]).allowed_host == ["khobor"]
    build = services["khobor"]["build"]
    assert (DEPLOY / build["context"]).resolve() == PROJECT
    assert (PROJECT / build["dockerfile"]).is_file()
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["static_configs"][0]["targets"] == ["khobor:8620"]
