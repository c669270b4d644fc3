"""A worker that is cut off from its cluster, but not from the newspaper, stops before anybody else begins."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.test_fleet import overlaps
from tests.support import cut_network
from tests.support.bucket_server import BUCKET, BucketServer
from tests.support.cut_network import CLUSTER, NEWSPAPERS, relayed
from tests.support.fleet_cluster import FleetCluster
from tests.support.newsstand import Newsstand

CUT_SECONDS, LEASE_SECONDS = 90, 60
WORKERS = ("one", "two")


def begun(stand: Newsstand) -> int:
    """Return the largest number of requests on one connection; a short run has few."""
    return max(Counter(request.connection for request in stand.log).values(), default=0)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not cut_network.is_possible(), reason="network namespaces need root and iproute2")
@pytest.mark.parametrize("tcp_seconds", [30, 600])
def test_cut_off_run_stops_before_next_begins(tmp_path: Path, tcp_seconds: int) -> None:
    """With a TCP timeout of ten minutes, Dask notices nothing, and the lease alone has to stop the run."""
    stand = Newsstand(stories=400)
    timetable = tmp_path / "timetable.toml"
    begins = datetime.now(UTC) + timedelta(seconds=150)
    # The long one comes first, because the other is always due.
    timetable.write_text(
        stand.timetable(["kalbela"], pages=3000, name="long", cron=f"{begins.minute} * * * *", minutes=59)
        + stand.timetable(["kalbela"], pages=3, name="short")
    )
    with (
        cut_network.namespaces(WORKERS),
        stand.serve() as url,
        BucketServer() as bucket,
        relayed(NEWSPAPERS, urlsplit(url).port or 0) as newspaper_port,
        relayed(CLUSTER, urlsplit(bucket.environment["AWS_ENDPOINT_URL"]).port or 0) as bucket_port,
    ):
        environment = bucket.environment | {
            "AWS_ENDPOINT_URL": f"http://{CLUSTER}:{bucket_port}",
            "KHOBOR_BUCKET": f"s3://{BUCKET}",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": f"{tcp_seconds}s",
        }
        cluster = FleetCluster(tmp_path / "cluster", WORKERS, CLUSTER, environment, cut_network.command_in)
        mirror = f"http://{NEWSPAPERS}:{newspaper_port}"
        with cluster.running(timetable, "--mirror", mirror, "--move-after", "0.2", "-sDOWNLOAD_DELAY=0.5"):
            cluster.until(lambda: begun(stand) > 30, 300, restarts=False)
            [name] = [name for name in WORKERS if (cluster.data(name) / "state" / "kalbela.progress.json").exists()]
            number = 1 + WORKERS.index(name)
            cut_at = time.monotonic()
            cut_network.cut(number)
            time.sleep(CUT_SECONDS)
            cut_network.cut(number, is_up=True)
            first = [each.at - cut_at for each in stand.log if each.at < cut_at + LEASE_SECONDS]
            assert max(first) < LEASE_SECONDS * 0.8
            cluster.until(lambda: len(stand.log) > len(first) + 2, 400)  # it goes on, on either worker
            following = min(each.at for each in stand.log[len(first) :]) - cut_at
    print(f"the run stopped {max(first):.0f} s after the cut, and the next began after {following:.0f} s; ", end="")
    assert not overlaps(stand.log)
