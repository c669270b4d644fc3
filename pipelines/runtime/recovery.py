"""Completion of a run, at its normal end or after it was killed.

Each URL without a result gets the outcome `pending`, the stored rows are written to Parquet, and the end of the run is
recorded.
"""

import json

from crawler.clock import now
from pipelines.archive.torn_tails import cut_torn_tails, remove_announced
from pipelines.ledger import Ledger
from pipelines.runtime.revisit import Revisits
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached


def publish_run(dataset: DataFolder, ledger: Ledger, run_id: str) -> None:
    """Mark the unfinished URLs of a run as pending, and write the stored rows to Parquet.

    A second call changes nothing, so it can be repeated after a crash.
    """
    from pipelines.publishing.publisher import fill_empty_tables, publish

    Revisits(ledger, run_id).close()
    reached("urls.closed")
    publish(dataset, ledger)
    fill_empty_tables(dataset, ledger)


def recover_runs(
    dataset: DataFolder, ledger: Ledger, reason: str = "killed", message: str | None = None, current: str | None = None
) -> list[str]:
    """Publish the rows of killed runs to Parquet and record the end of these runs; return their ids.

    :param reason: close reason to record for a run that recorded none
    :param message: last error message of the killed run, if known
    :param current: id of the run in progress, which is left out
    """
    remove_announced(dataset, ledger)
    stats = json.dumps({"khobor/fatal_error": message}) if message else None
    killed = [run_id for run_id in ledger.runs.ids(ended=False) if run_id != current]
    for run_id in killed:
        cut_torn_tails(dataset, ledger, run_id)
        publish_run(dataset, ledger, run_id)
        run = ledger.runs.get(run_id)
        assert run is not None
        ledger.runs.end(run_id, now(), run["reason"] or reason, run["stats"] or stats)
        reached("recover.ended")
    if ledger.outbox.size() or ledger.outbox.prepared() or ledger.outbox.outdated():
        from pipelines.publishing.publisher import publish

        publish(dataset, ledger)
    else:
        dataset.clear_staging(ledger.site)
    return killed
