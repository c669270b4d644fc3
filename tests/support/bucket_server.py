"""Local S3 server (moto) on 127.0.0.1, which calls an observer after each change of a bucket."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

BUCKET = "press"
_ACCOUNT, _PARTITION = "123456789012", "aws"


class BucketServer:
    """Server with one bucket, and the environment with which a program finds it.

    :ivar requests: method and path of each request
    :ivar on_change: function that is called with all objects of the bucket after each PUT and DELETE, before the
        client gets its response
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.on_change: Callable[[dict[str, bytes]], None] = lambda objects: None
        self.errors: list[BaseException] = []
        self._moto: Any = DomainDispatcherApplication(create_backend_app)

    def __enter__(self) -> Self:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, self._handle, threaded=True, request_handler=MotoRequestHandler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        backend = s3_backends[_ACCOUNT][_PARTITION]
        backend.reset()
        backend.create_bucket(BUCKET, "us-east-1")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy-secret",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
        }

    def objects(self) -> dict[str, bytes]:
        bucket = s3_backends[_ACCOUNT][_PARTITION].buckets[BUCKET]
        return {str(name): bytes(key.value) for name, key in list(bucket.keys.items())}

    def put(self, path: str, content: bytes) -> None:
        s3_backends[_ACCOUNT][_PARTITION].put_object(BUCKET, path, content)

    def delete(self, path: str) -> None:
        s3_backends[_ACCOUNT][_PARTITION].delete_object(BUCKET, path)

    def _handle(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        response = self._moto(environ, start_response)
        if environ["REQUEST_METHOD"] in ("PUT", "DELETE", "POST"):
            try:
                self.on_change(self.objects())
            except BaseException as error:  # noqa: BLE001 - the test raises it
                self.errors.append(error)
        return response  # type: ignore[no-any-return]
