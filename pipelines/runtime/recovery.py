"""How a run ends, whether it came to its end or was killed: books closed, outbox published, end entered."""

import json
from typing import TYPE_CHECKING

from crawler.clock import now
from pipelines.ledger import Ledger
from pipelines.runtime.revisit import Revisits
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached

if TYPE_CHECKING:
    from pipelines.publishing.publisher import Published


def publish_run(dataset: DataFolder, ledger: Ledger, run_id: str) -> "Published":
    """Close a run's books and move everything accepted into Parquet. Doing it twice changes nothing."""
    from pipelines.publishing.publisher import publish

    Revisits(ledger, run_id).close()
    reached("books.closed")
    return publish(dataset, ledger)


def recover_runs(dataset: DataFolder, ledger: Ledger, reason: str = "killed", said: str | None = None) -> list[str]:
    """End the runs that were killed; returns their ids. What they had accepted is published with them.

    ``reason`` is why they ended, and ``said`` their last words, as far as they did not enter that themselves.
    """
    stats = json.dumps({"khobor/trouble": said}) if said else None
    killed = ledger.runs.unfinished()
    for run_id in killed:
        publish_run(dataset, ledger, run_id)
        left = ledger.runs.get(run_id)
        assert left is not None
        ledger.runs.end(run_id, now(), left["reason"] or reason, left["stats"] or stats)
        reached("recover.ended")
    if ledger.outbox.size() or ledger.outbox.prepared():
        from pipelines.publishing.publisher import publish

        publish(dataset, ledger)
    else:
        dataset.clear_staging(ledger.site)
    return killed
