"""Secrets in files in place of environment variables."""

from pathlib import Path

import pytest

from schedules.exit_codes import WrongUsage
from schedules.secret_files import read_secret_files


def test_file_sets_its_variable(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    environment = {"KHOBOR_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"), "OTHER_FILE": "/nowhere"}
    read_secret_files(environment)
    assert environment == {"KHOBOR_DASHBOARD_TOKEN": "secret", "OTHER_FILE": "/nowhere"}


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a\0b", b"x" * 70_000])
def test_wrong_file_is_named_without_content(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongUsage, match="KHOBOR_TOKEN_FILE") as error:
        read_secret_files({"KHOBOR_TOKEN_FILE": str(path)})
    assert "xxx" not in str(error.value)


def test_variable_and_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="both"):
        read_secret_files({"KHOBOR_TOKEN": "a", "KHOBOR_TOKEN_FILE": str(tmp_path)})
