"""Connection of the fleet to a Dask cluster, which survives a restart of the scheduler."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Client, Future, fire_and_forget

from schedules.fleet.placement import VERSION, WorkerInfo
from schedules.fleet.plugins import REQUEST, AnnouncePlugin, LeasePlugin
from schedules.fleet.site_run import Order, run_site

CONNECT_SECONDS = 10
_CALL_SECONDS = 10


class ClusterLost(OSError):
    """The Dask scheduler does not respond."""


class ClusterInUse(ClusterLost):
    """The Dask scheduler belongs to another fleet, or to another version of Khobor."""


class Cluster:
    """Client of a Dask scheduler at an address such as ``tcp://scheduler:8786``.

    :param data: data folder of workers without `KHOBOR_DATA`
    :param bucket: address of the bucket for all workers, or None
    """

    def __init__(self, address: str, data: Path, bucket: str | None, lease_seconds: float) -> None:
        self.address = address
        # The data folder of a fleet has one service at a time.
        self._fleet = f"{socket.gethostname()}:{data.absolute()}"
        self._leases, self._announcement = LeasePlugin(lease_seconds), AnnouncePlugin(data, bucket)
        self._client: Client | None = None

    def status(self) -> dict[str, Any]:
        """Return the state of the leases, the results and the workers; see :meth:`LeasePlugin.handle`.

        Raises :class:`ClusterInUse` if another fleet uses the scheduler.
        """
        with self._losses():
            status = self._status(self._connected())
        status["workers"] = [WorkerInfo.of(each) for each in status["workers"]]
        return status

    def request(self, action: str, **arguments: Any) -> Any:
        """Send a request to the plugin in the scheduler; raises :class:`ClusterLost` if the scheduler is gone."""
        with self._losses():
            return _call(self._connected(), action, **arguments)

    def submit(self, order: Order, worker: WorkerInfo) -> Future[str]:
        """Send a task to a worker; Dask must not give it to another one."""
        with self._losses():
            future = self._connected().submit(
                run_site, order, key=f"khobor {order.key}", workers=[worker.address], retries=0, pure=False
            )
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
            self._client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False, name="khobor-fleet")
            self._client.register_plugin(self._leases)
            self._status(self._client)  # before the workers get the bucket of a fleet that must not use them
            self._client.register_plugin(self._announcement)
        return self._client

    def _status(self, client: Client) -> dict[str, Any]:
        status: dict[str, Any] = _call(client, "status", fleet=self._fleet)
        if status["version"] != VERSION:
            raise ClusterInUse(
                f"the scheduler {self.address} has Khobor {status['version']}, and the fleet {VERSION}: install the"
                " same version on both, and start both again"
            )
        if status["user"] != self._fleet:
            raise ClusterInUse(
                f"the scheduler {self.address} is in use by the fleet of {status['user']}: stop one of the two"
            )
        return status

    @contextmanager
    def _losses(self) -> Iterator[None]:
        """Context manager that closes the connection after an error, and raises :class:`ClusterLost` instead of it."""
        try:
            yield
        except Exception as error:
            self.close()
            if isinstance(error, ClusterLost):
                raise
            raise ClusterLost(f"the scheduler {self.address} does not respond ({type(error).__name__})") from error


def _call(client: Client, action: str, **arguments: Any) -> Any:
    return client.sync(getattr(client.scheduler, REQUEST), action=action, **arguments, callback_timeout=_CALL_SECONDS)
