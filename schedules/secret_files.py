"""Secrets in files, as containers and systemd provide them, in place of environment variables."""

from collections.abc import MutableMapping
from pathlib import Path

from schedules.exit_codes import WrongUsage

_SUFFIX = "_FILE"
_MAX_BYTES = 65_536


def read_secret_files(environment: MutableMapping[str, str]) -> None:
    """Set each variable `KHOBOR_NAME` to the content of the file that `KHOBOR_NAME_FILE` names.

    Raises :class:`WrongUsage` if a file cannot be read, or if both variables are set.
    """
    for variable in [name for name in environment if name.startswith("KHOBOR_") and name.endswith(_SUFFIX)]:
        name, path = variable.removesuffix(_SUFFIX), Path(environment[variable])
        if name in environment:
            raise WrongUsage(f"{name} and {variable} are both set: unset one of them")
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
            if len(content) > _MAX_BYTES or b"\0" in content:
                raise WrongUsage(f"{path}, which {variable} names, is not a secret: it is too long or binary")
            environment[name] = content.decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise WrongUsage(f"cannot read {path}, which {variable} names: {reason}") from None
        del environment[variable]
