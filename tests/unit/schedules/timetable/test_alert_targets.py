"""Alert targets of a timetable: problems have their line, and no secret is repeated."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.metrics.exposition import exposition
from schedules.timetable.config import Timetable, TimetableError
from tests.support.project import PROJECT
from tests.support.run_reports import NIGHT

CHAT = """
[alert.chat]
kind = "webhook"
url = "https://example.org/hook?channel=night"
token_from = "KHOBOR_TOKEN"
"""
DESK = """
[alert.desk]
kind = "mail"
server = "smtp.example.org"
security = "ssl"
from = "khobor@example.org"
to = ["desk@example.org", "ops@example.org"]
user_from = "KHOBOR_SMTP_USER"
password_from = "KHOBOR_SMTP_PASSWORD"
"""
PAGER = """
[alert.pager]
kind = "command"
command = ["/usr/local/bin/page", "khobor"]
seconds = 5
"""
METRICS = """
[metrics]
file = "/var/lib/node/khobor.prom"
"""
VALID = NIGHT + CHAT + DESK + PAGER + METRICS


def read(folder: Path, text: str) -> Timetable:
    path = folder / "timetable.toml"
    path.write_text(text, encoding="utf-8")
    return Timetable.read(path)


def problems(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(TimetableError) as refused:
        read(folder, text)
    assert "hunter2" not in str(refused.value)
    return [(problem.line, f"{problem.place}: {problem.message}") for problem in refused.value.problems]


def test_targets_hold_written_values(tmp_path: Path) -> None:
    timetable = read(tmp_path, VALID)
    targets: Any = timetable.targets
    chat, desk, pager = targets
    assert (chat.name, chat.kind, chat.variables) == ("chat", "webhook", ("KHOBOR_TOKEN",))
    assert chat.url == "https://example.org/hook?channel=night"
    assert (desk.address, desk.security) == (("smtp.example.org", 465), "ssl")
    assert desk.sender == "khobor@example.org"
    assert desk.to == ("desk@example.org", "ops@example.org")
    assert desk.variables == ("KHOBOR_SMTP_USER", "KHOBOR_SMTP_PASSWORD")
    assert (pager.command, pager.seconds) == (("/usr/local/bin/page", "khobor"), 5)
    assert timetable.metrics_file == Path("/var/lib/node/khobor.prom")
    timetable = read(tmp_path, NIGHT)
    assert (timetable.targets, timetable.metrics_file) == ((), None)


@pytest.mark.parametrize(("extra", "security", "port"), [("", "starttls", 587), ('security = "none"', "none", 25)])
def test_local_mail_server_may_be_unencrypted(extra: str, security: str, port: int, tmp_path: Path) -> None:
    text = f'{NIGHT}\n[alert.a]\nkind="mail"\nserver="localhost"\nfrom="a@b.c"\nto=["a@b.c"]\n{extra}\n'
    targets: Any = read(tmp_path, text).targets
    assert (targets[0].security, targets[0].address) == (security, ("localhost", port))


@pytest.mark.parametrize(
    ("table", "old", "wrong", "subject"),
    [
        (CHAT, "[alert.chat]", "[alert.Chat]", "'chat'"),
        (CHAT, "[alert.chat]", "[alerts.chat]", "[alert.NAME]"),
        (CHAT, 'kind = "webhook"', 'kind = "webhok"', "'webhook'"),
        (CHAT, 'kind = "webhook"', 'kind = ["webhook"]', "'webhook'"),
        (CHAT, 'kind = "webhook"', "# none", "kind is missing"),
        (CHAT, "url = .*", "# none", "url_from"),
        (CHAT, "url = .*", 'url = "example.org"', "https://"),
        (CHAT, "url = .*", 'url = "https://me:hunter2@example.org"', "token_from"),
        (CHAT, "url = .*", 'url = "http://[hunter2"', "not a URL"),
        (CHAT, "url = .*", 'url = "http://example.org/"', "unencrypted"),
        (CHAT, "url = .*", 'url = "https://example.org/ hunter2"', "escaped"),
        (CHAT, "url = .*", 'ulr = "https://example.org/hunter2"', "'url'"),
        (CHAT, "token_from = .*", 'token_from = "hunter2"', "KHOBOR_SMTP_PASSWORD"),
        (CHAT, "token_from = .*", 'token = "hunter2"', "secret"),
        (DESK, "password_from = .*", 'password = "hunter2"', "secret"),
        (DESK, "password_from = .*", "# none", "both or neither"),
        (DESK, "server = .*", 'server = "smtp example"', "server"),
        (DESK, "server = .*", "# none", "server is missing"),
        (DESK, "security = .*", 'security = "none"', "'starttls'"),
        (DESK, "security = .*", 'security = "tls"', "'starttls'"),
        (DESK, "security = .*", 'security = "ssl"\nport = 70000', "65535"),
        (DESK, "from = .*", 'from = "khobor"', "desk@example.org"),
        (DESK, "from = .*", r'from = "a@b.c\\r\\nBcc: d@e.f"', "mail address"),
        (DESK, "to = .*", "to = []", "recipient"),
        (DESK, "to = .*", 'to = ["desk", "ops"]', "to.1"),
        (DESK, "to = .*", 'to = "desk@example.org"', "list"),
        (PAGER, "command = .*", 'command = "page khobor"', "list"),
        (PAGER, "command = .*", "command = []", "program"),
        (PAGER, "command = .*", 'command = [""]', "program"),
        (PAGER, "command = .*", r'command = ["a\\u0000"]', "program"),
        (PAGER, "seconds = 5", "seconds = 0", "equal to 0.1"),
        (PAGER, "seconds = 5", "second = 5", "'seconds'"),
        (METRICS, "file = .*", 'file = "khobor.prom"', "begins with /"),
        (METRICS, "file = .*", 'fiel = "/khobor.prom"', "file is missing"),
    ],
)
def test_problem_names_line_and_subject(table: str, old: str, wrong: str, subject: str, tmp_path: Path) -> None:
    pattern = f"^{re.escape(old)}$" if old.startswith("[") else f"^{old}$"
    found = problems(tmp_path, NIGHT + re.sub(pattern, wrong, table, flags=re.MULTILINE))
    first = NIGHT.count("\n") + 2
    assert all(first <= line < first + table.count("\n") for line, _ in found), found
    assert subject in "\n".join(message for _, message in found)


@pytest.mark.parametrize(
    ("top", "end"),
    [("alert = 3", ""), ("", "[alert]\nchat = 3"), ("metrics = 3", ""), ("", "[metrics]"),
     ("", "[[alert]]\nkind = 'x'")],
)  # fmt: skip
def test_misplaced_value_is_refused(top: str, end: str, tmp_path: Path) -> None:
    assert len(problems(tmp_path, f"{top}\n{NIGHT}\n{end}\n")) == 1


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = VALID.replace('zone = "Asia/Dhaka"', 'zone = "Asia/Daka"').replace("KHOBOR_TOKEN", "hunter2")
    text = text.replace('security = "ssl"', 'security = "sll"').replace("seconds = 5", "seconds = 500")
    assert len(problems(tmp_path, text)) == 5


def test_handbook_examples_and_metrics_exist(tmp_path: Path) -> None:
    handbook = (PROJECT / "docs" / "operate.md").read_text()
    timetable = read(tmp_path, "\n".join(re.findall(r"```toml\n(.*?)```", handbook, re.DOTALL)))
    assert {target.kind for target in timetable.targets} == {"webhook", "mail", "command"}
    text = exposition(DataFolder(tmp_path), timetable, datetime.now(UTC)).decode()
    known = {line.split()[2].removeprefix("khobor_") for line in text.splitlines() if line.startswith("# TYPE")}
    table = handbook.partition("| metrics | meaning |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)", cell)} == known - {"info"}
    rules = handbook.partition("groups:")[2].partition("```")[0]
    assert set(re.findall(r"khobor_(\w+)", rules)) <= known
