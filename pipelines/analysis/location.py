"""Place of the tables to open: a data folder, or a bucket to which one is copied, read by PyArrow."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from pipelines.storage.tables import TABLES


@dataclass(frozen=True)
class Location:
    """Folder with the tables, in a file system.

    :ivar path: path in the file system, without a slash at the end
    :ivar folder: the data folder, or None for a bucket
    """

    filesystem: pafs.FileSystem
    path: str
    folder: Path | None

    def __str__(self) -> str:
        return str(self.folder or self.path)

    def is_folder(self, name: str = "") -> bool:
        path = f"{self.path}/{name}" if name else self.path
        return bool(self.filesystem.get_file_info(path).type == pafs.FileType.Directory)

    def sites(self, name: str) -> list[str]:
        """Return the sites of which a folder, such as that of a table, has a partition."""
        selector = pafs.FileSelector(f"{self.path}/{name}" if name else self.path, allow_not_found=True)
        names = (found.base_name for found in self.filesystem.get_file_info(selector))
        return sorted(each.removeprefix("site=") for each in names if each.startswith("site="))


def locate(data: Path | str) -> Location:
    """Find a data folder by its path, or a bucket by its address (`s3://NAME/PATH` or `gs://NAME/PATH`).

    Credentials come from the environment. Raises FileNotFoundError if there are no tables, and ValueError for an
    address that PyArrow does not know.
    """
    if "://" not in str(data):
        root = Path(data)
        if not root.is_dir():
            raise FileNotFoundError(
                f"there is no folder {root.absolute()}: data= names the one that a crawl or export wrote"
            )
        return Location(pafs.LocalFileSystem(), str(root), root)
    url = str(data).rstrip("/")
    if urlsplit(url).scheme not in ("s3", "gs"):
        raise ValueError(f"{url} is not s3://NAME/PATH or gs://NAME/PATH, nor a folder")
    try:
        filesystem, path = pafs.FileSystem.from_uri(url)
        location = Location(filesystem, path, None)
        if not any(location.is_folder(name) for name in ("", *TABLES)):
            raise FileNotFoundError(f"there is nothing at {url}: data= names what KHOBOR_BUCKET names")
    except pa.ArrowInvalid as error:
        raise ValueError(f"{url} cannot be opened: {str(error).splitlines()[0]}") from error
    return location
