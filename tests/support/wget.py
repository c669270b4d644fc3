"""WARC files that wget writes, from a server that sends the pages of a newspaper in each form that HTTP has."""

import gzip
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

WGET = shutil.which("wget")
needs_wget = pytest.mark.skipif(WGET is None, reason="needs wget")
#: Forms of a response; the last two end too early.
FORMS = ("length", "chunked", "gzip", "chunked gzip", "closed", "cut", "cut chunk")


@contextmanager
def forms_served(pages: Mapping[str, tuple[str, bytes]]) -> Iterator[str]:
    """Serve pages as a proxy, each in one form, and give the URL of the proxy.

    :param pages: form and body by URL; any other URL gives 404
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            form, body = pages.get(self.path, ("length", b"not here"))
            body = gzip.compress(body) if "gzip" in form else body
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if "gzip" in form:
                self.send_header("Content-Encoding", "gzip")
            if "chunk" in form:
                self.send_header("Transfer-Encoding", "chunked")
            elif form != "closed":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            middle = len(body) // 2
            if "chunk" in form:
                self.wfile.write(b"%x;a=b\r\n%b\r\n%x\r\n" % (middle, body[:middle], len(body) - middle))
                self.wfile.write(body[middle:-9] if "cut" in form else body[middle:] + b"\r\n0\r\n\r\n")
            else:
                self.wfile.write(body[:middle] if "cut" in form else body)
            self.close_connection = form == "closed" or "cut" in form

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def run_wget(folder: Path, proxy: str, name: str, urls: list[str], *options: str) -> Path:
    """Fetch URLs with wget, and return the WARC file that it has written."""
    command = [str(WGET), "-q", "--tries=1", "--no-config", "-O", "/dev/null", f"--warc-file={name}", *options, *urls]
    subprocess.run(command, cwd=folder, env={"http_proxy": proxy}, timeout=100, check=False)
    [file] = folder.glob(f"{name}.warc*")
    return file
