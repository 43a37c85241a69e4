"""Files that are written whole or not at all: beside their place first, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; what was written replaces `path` at the end.

    An interruption leaves `path` as it was, and nothing beside it.
    """
    stage = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield stage
        stage.replace(path)
    finally:
        stage.unlink(missing_ok=True)


def require_writable_file(path: Path) -> None:
    """Raises the `OSError` that writing a file would end in, as far as this is known beforehand.

    For those who work for minutes before they write. Nothing is left there.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory, expected a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist; make it first", str(path))
    import tempfile  # not with the module: it takes long to load

    with tempfile.TemporaryFile(prefix=f".{path.name}.", dir=path.parent):
        pass
