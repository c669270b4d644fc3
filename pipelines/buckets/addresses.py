"""Opening of a bucket or a directory by its address, with the credentials and limits of its requests."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.buckets.directory import Directory
from pipelines.buckets.object_store import Bucket, BucketError, reason_of

_SCHEMES = ("s3", "gs", "az")
CONNECT_SECONDS = 5
# Of one request: a fixed time, and the time to send the largest object at the slowest rate that is accepted.
_REQUEST_SECONDS, _BYTES_PER_SECOND = 20, 128 * 1024
_RETRIES: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=60)}


def open_bucket(url: str, *, largest: int = 0) -> Bucket:
    """Open a bucket by its address, or a directory by its path, without contacting it.

    Raises :class:`BucketError` if the address is invalid, or the directory does not exist.

    :param largest: size of the largest object to be sent, by which the time limit of a request is set
    """
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, from_url

    if "://" not in url:
        if not (root := Path(url)).is_dir():
            raise BucketError(f"{root} is not a directory: create or mount it, or correct KHOBOR_BUCKET")
        return Directory(root.absolute(), LocalStore(root.absolute(), automatic_cleanup=True))
    split = urlsplit(url)
    if split.scheme not in _SCHEMES or not split.netloc or split.username or split.query or split.fragment:
        raise BucketError("KHOBOR_BUCKET is not s3://NAME/PATH, gs://NAME/PATH, az://NAME/PATH or a directory")
    client: Any = {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": timedelta(seconds=_REQUEST_SECONDS + largest / _BYTES_PER_SECOND),
        "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
    }
    try:
        return Bucket(url.rstrip("/"), from_url(url.rstrip("/"), client_options=client, retry_config=_RETRIES))
    except (BaseError, ValueError) as error:
        raise BucketError(f"{url} cannot be used: {reason_of(error)}") from None
