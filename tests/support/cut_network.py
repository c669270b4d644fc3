"""Network namespaces for workers, each with a link to the cluster that can be cut, and one to the newspapers."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

CLUSTER, NEWSPAPERS = "10.77.0.1", "10.78.0.1"


def is_possible() -> bool:
    return os.geteuid() == 0 and subprocess.run(["ip", "netns", "list"], capture_output=True).returncode == 0


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def command_in(name: str) -> Sequence[str]:
    return ("ip", "netns", "exec", f"khobor-{name}")


def own_address(number: int) -> str:
    return f"10.77.{number}.2"


def cut(number: int, *, is_up: bool = False) -> None:
    """Cut the link between a worker and the cluster, or repair it."""
    _ip("link", "set", f"khc{number}", "up" if is_up else "down")
    if is_up:
        _ip("route", "replace", f"{own_address(number)}/32", "dev", f"khc{number}")


@contextmanager
def namespaces(names: Sequence[str]) -> Iterator[None]:
    """Create a namespace for each name, numbered from 1; delete all of them after the block."""
    _delete(names)
    try:
        for address in (CLUSTER, NEWSPAPERS):
            _ip("addr", "add", f"{address}/32", "dev", "lo")
        for number, name in enumerate(names, start=1):
            _ip("netns", "add", f"khobor-{name}")
            _ip("-n", f"khobor-{name}", "link", "set", "lo", "up")
            for link, net, target in (("khc", "77", CLUSTER), ("khn", "78", NEWSPAPERS)):
                inner = f"{link}{number}i"
                _ip("link", "add", f"{link}{number}", "type", "veth", "peer", "name", inner, "netns", f"khobor-{name}")
                _ip("addr", "add", f"10.{net}.{number}.1/24", "dev", f"{link}{number}")
                _ip("link", "set", f"{link}{number}", "up")
                _ip("-n", f"khobor-{name}", "addr", "add", f"10.{net}.{number}.2/24", "dev", inner)
                _ip("-n", f"khobor-{name}", "link", "set", inner, "up")
                _ip("-n", f"khobor-{name}", "route", "add", target, "via", f"10.{net}.{number}.1")
        yield
    finally:
        _delete(names)


def _delete(names: Sequence[str]) -> None:
    for address in (CLUSTER, NEWSPAPERS):
        subprocess.run(["ip", "addr", "del", f"{address}/32", "dev", "lo"], capture_output=True)
    for number, name in enumerate(names, start=1):
        # Sockets of killed processes may keep a namespace, and so its links, for some minutes.
        for link in ("khc", "khn"):
            subprocess.run(["ip", "link", "del", f"{link}{number}"], capture_output=True)
        if Path(f"/run/netns/khobor-{name}").exists():
            subprocess.run(["ip", "netns", "del", f"khobor-{name}"], capture_output=True)


@contextmanager
def relayed(address: str, port: int) -> Iterator[int]:
    """Relay TCP connections to another address of this machine to a server on 127.0.0.1; yield the port."""
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        with suppress(asyncio.CancelledError):
            await asyncio.gather(pump(reader, outer), pump(inner, writer))

    async def stop() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    server = loop.run_until_complete(asyncio.start_server(relay, address, 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
