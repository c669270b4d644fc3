"""How a run ends, whether it came to its end or was killed: books closed, outbox published, end entered."""

from crawler.clock import now
from pipelines.books import Books
from pipelines.ledger import Ledger
from pipelines.publish import Published, publish
from pipelines.storage import Dataset


def publish_run(dataset: Dataset, ledger: Ledger, run_id: str) -> Published:
    """Close a run's books and move everything accepted into Parquet. Doing it twice changes nothing."""
    Books(ledger, run_id).close()
    return publish(dataset, ledger)


def recover(dataset: Dataset, ledger: Ledger) -> list[str]:
    """End the runs that were killed; returns their ids. What they had accepted is published with them."""
    killed = ledger.unfinished_runs()
    for run_id in killed:
        publish_run(dataset, ledger, run_id)
        ledger.end_run(run_id, now(), "killed", None)
        ledger.commit()
    publish(dataset, ledger)
    return killed
