"""Targets: who is told stands in the timetable, each mistake is named with its line, and no secret is repeated."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.metrics.exposition import exposition
from schedules.timetable.alert_targets import Target
from schedules.timetable.config import Timetable, TimetableError
from tests.support.commands import PROJECT
from tests.support.run_reports import NIGHT

RIGHT = f"""\
{NIGHT}
[alert.chat]
kind = "webhook"
url = "https://example.org/hook?channel=night"
token_from = "KHOBOR_TOKEN"

[alert.desk]
kind = "mail"
server = "smtp.example.org"
security = "ssl"
from = "khobor@example.org"
to = ["desk@example.org", "ops@example.org"]
user_from = "KHOBOR_SMTP_USER"
password_from = "KHOBOR_SMTP_PASSWORD"

[alert.pager]
kind = "command"
command = ["/usr/local/bin/page", "khobor"]
seconds = 5

[metrics]
file = "/var/lib/node/khobor.prom"
"""
LINES = RIGHT.splitlines()


def read(folder: Path, text: str) -> Timetable:
    path = folder / "timetable.toml"
    path.write_text(text, encoding="utf-8")
    return Timetable.read(path)


def mistakes(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(TimetableError) as wrong:
        read(folder, text)
    assert "hunter2" not in str(wrong.value)
    return [(mistake.line, f"{mistake.place}: {mistake.sentence}") for mistake in wrong.value.mistakes]


def test_targets_and_the_file_of_metrics_are_as_they_were_written(tmp_path: Path) -> None:
    timetable = read(tmp_path, RIGHT)
    chat, desk, pager = timetable.targets
    assert (chat.kind, chat.url, chat.variables) == (
        "webhook",
        "https://example.org/hook?channel=night",
        ("KHOBOR_TOKEN",),
    )
    assert (desk.server, desk.port, desk.security, desk.sender) == (
        "smtp.example.org",
        465,
        "ssl",
        "khobor@example.org",
    )
    assert desk.to == ("desk@example.org", "ops@example.org")
    assert desk.variables == ("KHOBOR_SMTP_USER", "KHOBOR_SMTP_PASSWORD")
    assert (pager.command, pager.seconds) == (("/usr/local/bin/page", "khobor"), 5)
    assert timetable.metrics_file == Path("/var/lib/node/khobor.prom")


def test_a_timetable_that_names_nobody_tells_nobody(tmp_path: Path) -> None:
    assert read(tmp_path, NIGHT).targets == ()
    assert read(tmp_path, NIGHT).metrics_file is None


def test_a_mail_server_is_spoken_to_encrypted_unless_it_is_this_machine(tmp_path: Path) -> None:
    text = f'{NIGHT}\n[alert.a]\nkind="mail"\nserver="localhost"\nfrom="a@b.c"\nto=["a@b.c"]\n'
    [plain] = read(tmp_path, f'{text}security="none"\n').targets
    [usual] = read(tmp_path, text).targets
    assert (plain.port, usual.port, usual.security) == (25, 587, "starttls")
    assert isinstance(usual, Target)


@pytest.mark.parametrize(
    ("old", "wrong", "said"),
    [
        ("[alert.chat]", "[alert.Chat]", ["'chat'"]),
        ("[alert.chat]", "[alerts.chat]", ["no 'alerts'", "[alert.NAME]"]),
        ('kind = "webhook"', 'kind = "webhok"', ["'webhook'"]),
        ('kind = "webhook"', 'kind = ["webhook"]', ["'webhook'"]),
        ('kind = "webhook"', "# none", ["kind is missing"]),
        ('url = "https://example.org/hook?channel=night"', "# none", ["url_from"]),
        ('url = "https://example.org/hook?channel=night"', 'url = "example.org"', ["https://"]),
        ('url = "https://example.org/hook?channel=night"', 'url = "https://me:hunter2@example.org"', ["token_from"]),
        ('url = "https://example.org/hook?channel=night"', 'url = "http://[hunter2"', ["no address"]),
        ('url = "https://example.org/hook?channel=night"', 'url = "http://example.org/"', ["unencrypted"]),
        ('url = "https://example.org/hook?channel=night"', 'ulr = "https://example.org/hunter2"', ["'url'"]),
        ('token_from = "KHOBOR_TOKEN"', 'token_from = "hunter2"', ["KHOBOR_SMTP_PASSWORD"]),
        ('token_from = "KHOBOR_TOKEN"', 'token = "hunter2"', ["a secret is never written here"]),
        ('password_from = "KHOBOR_SMTP_PASSWORD"', 'password = "hunter2"', ["a secret is never written here"]),
        ('password_from = "KHOBOR_SMTP_PASSWORD"', "# none", ["both or neither"]),
        ('server = "smtp.example.org"', 'server = "smtp example"', ["no name of a server"]),
        ('server = "smtp.example.org"', "# none", ["server is missing"]),
        ('security = "ssl"', 'security = "none"', ["unencrypted", "'starttls'"]),
        ('security = "ssl"', 'security = "tls"', ["starttls"]),
        ('security = "ssl"', 'security = "ssl"\nport = 70000', ["65535"]),
        ('from = "khobor@example.org"', 'from = "khobor"', ["desk@example.org"]),
        ('from = "khobor@example.org"', 'from = "a@b.c\\r\\nBcc: d@e.f"', ["mail address"]),
        ('to = ["desk@example.org", "ops@example.org"]', "to = []", ["nobody is named"]),
        ('to = ["desk@example.org", "ops@example.org"]', 'to = ["desk", "ops"]', ["'desk'"]),
        ('to = ["desk@example.org", "ops@example.org"]', 'to = "desk@example.org"', ["no list"]),
        ('command = ["/usr/local/bin/page", "khobor"]', 'command = "page khobor"', ["arguments"]),
        ('command = ["/usr/local/bin/page", "khobor"]', 'command = [""]', ["no program"]),
        ('command = ["/usr/local/bin/page", "khobor"]', 'command = ["a\\u0000"]', ["no program"]),
        ("seconds = 5", "seconds = 0", ["nearest is 1"]),
        ("seconds = 5", "second = 5", ["'seconds'"]),
        ('file = "/var/lib/node/khobor.prom"', 'file = "khobor.prom"', ["begins with /"]),
        ('file = "/var/lib/node/khobor.prom"', 'fiel = "/khobor.prom"', ["'file'", "file is missing"]),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_right_thing(
    old: str, wrong: str, said: list[str], tmp_path: Path
) -> None:
    line = LINES.index(old) + 1
    table = max(number for number in range(1, line + 1) if LINES[number - 1].startswith("["))
    found = mistakes(tmp_path, RIGHT.replace(old, wrong))
    assert {at for at, _ in found} <= set(range(table, line + 3)), found
    told = "\n".join(sentence for _, sentence in found)
    assert all(each in told for each in said), told


@pytest.mark.parametrize(
    "text", ["alert = 3", "[alert]\nchat = 3", "metrics = 3", "[metrics]", "[[alert]]\nkind = 'x'"]
)
def test_what_is_no_table_is_told_so(text: str, tmp_path: Path) -> None:
    place = text if text.startswith("[") else ""
    top = "" if text.startswith("[") else f"{text}\n"
    assert len(mistakes(tmp_path, f"{top}{NIGHT}\n{place}\n")) == 1


def test_the_handbook_s_examples_are_right_and_its_metrics_are_there(tmp_path: Path) -> None:
    handbook = (PROJECT / "docs" / "operate.md").read_text()
    timetable = read(tmp_path, "\n".join(re.findall(r"```toml\n(.*?)```", handbook, re.DOTALL)))
    assert {target.kind for target in timetable.targets} == {"webhook", "mail", "command"}
    text = exposition(DataFolder(tmp_path), timetable, datetime.now(UTC)).decode()
    known = {line.split()[2].removeprefix("khobor_") for line in text.splitlines() if line.startswith("# TYPE")}
    table = handbook.partition("| metrics | say |")[2].partition("\n\n")[0]
    told = {
        name for cell in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)", cell)
    }
    assert told == known - {"info"}
    rules = handbook.partition("groups:")[2].partition("```")[0]
    assert set(re.findall(r"khobor_(\w+)", rules)) <= known


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = RIGHT.replace('zone = "Asia/Dhaka"', 'zone = "Asia/Daka"').replace("KHOBOR_TOKEN", "hunter2")
    text = text.replace('security = "ssl"', 'security = "sll"').replace("seconds = 5", "seconds = 500")
    assert len(mistakes(tmp_path, text)) == 5
