"""Environment of child processes that send no alerts."""

import pytest

from schedules.runner.run_process import public_environment


def test_alert_secrets_are_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KHOBOR_SMTP_PASSWORD", "KHOBOR_WEBHOOK", "KHOBOR_DASHBOARD_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("KHOBOR_CONTACT", "https://example.org")
    environment = public_environment()
    assert "secret" not in environment.values()
    assert environment["KHOBOR_CONTACT"] == "https://example.org"
