"""Roll-up of the JSON reports of old runs into the table `runs`, one Parquet file per site.

In a common file, a report takes a tenth of the space, and a folder with ten thousand files would be slow to list.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.analysis.runs_table import ROLLED_UP, run_row
from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached
from pipelines.storage.run_reports import file_ids, read_report

# More than the runs with which a new run is compared, and those among which a good one is searched.
KEPT_REPORTS = 500
_BATCH = 2_000


def roll_up_reports(data_folder: DataFolder, ledger: Ledger, before: str) -> int:
    """Move the JSON reports of a site's old runs into its Parquet file of runs; return the number of moved reports.

    The latest 500 reports are not moved. A JSON file is deleted only after the Parquet file with its content is safely
    on the disk. A crash may therefore leave a report in both places, but readers count it once. The moved runs are also
    deleted from the ledger. The caller must hold the lock of the site.

    :param before: run id; only runs whose id sorts before it, which started earlier, are moved
    """
    own = sorted(file_ids(data_folder, ledger.site))
    old = [run_id for run_id in own[:-KEPT_REPORTS] if run_id < before]
    return sum(_roll_up(data_folder, ledger, old[start : start + _BATCH]) for start in range(0, len(old), _BATCH))


def _roll_up(data_folder: DataFolder, ledger: Ledger, run_ids: Sequence[str]) -> int:
    new: list[dict[str, Any]] = []
    for run_id in run_ids:
        with suppress(ValueError, KeyError, TypeError, AttributeError):  # `khobor runs` names an invalid report
            report = read_report(data_folder, run_id)
            new.append(run_row(report) | {"report": json.dumps(report, ensure_ascii=False, separators=(",", ":"))})
    ids = [row["run_id"] for row in new]
    rows = pa.Table.from_pylist(new, schema=ROLLED_UP.schema)
    if (earlier := data_folder.read(ROLLED_UP, ledger.site, "")) is not None:
        rows = pa.concat_tables(
            [earlier.filter(pc.invert(pc.is_in(earlier["run_id"], pa.array(ids, pa.string())))), rows]
        )
    staged = data_folder.stage(
        ROLLED_UP, ledger.site, rows.sort_by([("started_at", "ascending"), ("run_id", "ascending")])
    )
    data_folder.commit(staged, ROLLED_UP.path(ledger.site, ""))
    reached("prune.rolled")
    ledger.runs.delete(*ids)
    reached("prune.forgotten")
    for run_id in ids:
        data_folder.run(run_id).unlink(missing_ok=True)
        reached("prune.unlinked")
    return len(ids)
