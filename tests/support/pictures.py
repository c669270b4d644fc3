"""The pictures of the README (`make pictures`): the dashboard and one story's ranks, from `data/sample`."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from pipelines.storage.data_folder import DataFolder
from tests.support.dashboard_data import DashboardData, serving
from tests.support.project import PROJECT

SAMPLE = PROJECT / "data" / "sample"
PICTURES = PROJECT / "docs" / "images"
STORY = "kalbela:256227"  # rises and falls in the popular list of the sample
AFTER_LAST_VISIT = datetime(2026, 1, 12, 12, 20, tzinfo=UTC)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def take(port: int, folder: Path) -> None:
    """Take both pictures of the dashboard on a port of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1100, "height": 760}, device_scale_factor=1.5)
        page.goto(f"http://127.0.0.1:{port}/")
        page.screenshot(path=folder / "dashboard.png")
        page.goto(f"http://127.0.0.1:{port}/stories/{STORY}")
        page.screenshot(path=folder / "popular.png")
        browser.close()


def main() -> None:
    """Serve a copy of the sample as it was after its last visit, and take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="khobor-pictures-") as name:
        folder = Path(name)
        shutil.copytree(SAMPLE, folder / "data")
        data = DashboardData(DataFolder(folder / "data"), PROJECT / "schedules" / "schedules.toml")
        with serving(data, clock=lambda: AFTER_LAST_VISIT) as served:
            take(served.port, PICTURES)


if __name__ == "__main__":
    main()
