"""Connection of the fleet to a Dask cluster, which survives a restart of the scheduler."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Client, Future, fire_and_forget

from schedules.fleet.placement import WorkerInfo
from schedules.fleet.plugins import REQUEST, AnnouncePlugin, LeasePlugin
from schedules.fleet.site_run import Order, run_site

CONNECT_SECONDS = 10
_CALL_SECONDS = 10


class ClusterLost(OSError):
    """The Dask scheduler does not respond."""


class Cluster:
    """Client of a Dask scheduler at an address such as ``tcp://scheduler:8786``.

    :param data: data folder of workers without `KHOBOR_DATA`
    :param bucket: address of the bucket for all workers, or None
    """

    def __init__(self, address: str, data: Path, bucket: str | None, lease_seconds: float) -> None:
        self.address = address
        self._plugins = (LeasePlugin(lease_seconds), AnnouncePlugin(data, bucket))
        self._client: Client | None = None

    def status(self) -> dict[str, Any]:
        """Return the state of the leases, the results and the workers; see :meth:`LeasePlugin.handle`."""
        status: dict[str, Any] = self.request("status")
        status["workers"] = [WorkerInfo.of(each) for each in status["workers"]]
        return status

    def request(self, action: str, **arguments: Any) -> Any:
        """Send a request to the plugin in the scheduler; raises :class:`ClusterLost` if the scheduler is gone."""
        try:
            client = self._connected()
            request = getattr(client.scheduler, REQUEST)
            return client.sync(request, action=action, **arguments, callback_timeout=_CALL_SECONDS)
        except Exception as error:
            self.close()
            raise ClusterLost(f"the scheduler {self.address} does not respond ({type(error).__name__})") from error

    def submit(self, order: Order, worker: WorkerInfo) -> Future[str]:
        """Send a task to a worker; Dask must not give it to another one."""
        try:
            future = self._connected().submit(
                run_site, order, key=f"khobor {order.key}", workers=[worker.address], retries=0, pure=False
            )
        except Exception as error:
            self.close()
            raise ClusterLost(f"the scheduler {self.address} does not respond ({type(error).__name__})") from error
        fire_and_forget(future)
        return future

    def error_of(self, future: Future[str]) -> BaseException | None:
        """Return the error that ended a task before :func:`run_site` could report it, or None if there is none."""
        if future.status != "error":
            return None
        try:
            error: BaseException = future.exception(timeout=_CALL_SECONDS)
        except Exception as lost:
            raise ClusterLost(f"the scheduler {self.address} does not respond ({type(lost).__name__})") from lost
        return error

    def close(self) -> None:
        if self._client is not None:
            with suppress(Exception):
                self._client.close(timeout=1)
            self._client = None

    def _connected(self) -> Client:
        if self._client is None or self._client.status != "running":
            self.close()
            client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False, name="khobor-fleet")
            for plugin in self._plugins:
                client.register_plugin(plugin)
            self._client = client
        return self._client


def wait_for_workers(cluster: Cluster, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
    """Wait until the cluster has a worker; raises :class:`ClusterLost` after ``seconds``."""
    end = clock() + seconds
    while not cluster.status()["workers"]:
        if clock() > end:
            raise ClusterLost(f"{cluster.address} has no worker: start `dask worker {cluster.address}` on a machine")
        time.sleep(0.5)
