"""Uploads to the bucket of `KHOBOR_BUCKET`: files after each publish, and the progress of a run while it goes on.

No run waits for a bucket. Errors are recorded in the data folder, from where they become alarms.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from json import dumps, loads

from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError

PROGRESS_SECONDS = 15.0


def bucket_url() -> str | None:
    """Return the address of the bucket from the environment, or None if there is none."""
    return os.environ.get("KHOBOR_BUCKET", "").strip() or None


def upload_sites(
    dataset: DataFolder, sites: Iterable[str], log: Callable[[str], None], *, take_over: bool = False
) -> bool:
    """Send the changed files of sites to the bucket, if one is set; log each error, and return False if there was one.

    :param take_over: continue also if another data folder has written the objects of a site
    """
    if (url := bucket_url()) is None:
        return True
    from pipelines.publishing.bucket import upload_site

    errors = [
        last.error
        for site in dict.fromkeys(sites)
        if (last := upload_site(dataset, site, url, take_over=take_over)) and last.error
    ]
    for error in errors:
        log(f"bucket: {error}")
    return not errors


class ProgressUpload:
    """Thread that copies the progress file of a running crawl to the bucket, if one is set, until it is stopped.

    The copy names the host. An error is ignored, because the next copy replaces what is lost.
    """

    def __init__(self, dataset: DataFolder, site: str) -> None:
        self._dataset, self._site = dataset, site
        self._stopped = threading.Event()
        if (url := bucket_url()) is not None:
            threading.Thread(target=self._run, args=(url,), daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self, url: str) -> None:
        from pipelines.buckets.addresses import open_bucket

        path = self._dataset.progress(self._site)
        name = path.relative_to(self._dataset.root).as_posix()
        while not self._stopped.wait(PROGRESS_SECONDS):
            with suppress(StorageError, OSError, ValueError):
                progress = loads(path.read_bytes()) | {"host": one_line(socket.gethostname())}
                open_bucket(url).overwrite(name, dumps(progress, ensure_ascii=False).encode())
        with suppress(StorageError):
            open_bucket(url).delete(name)
