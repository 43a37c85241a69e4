"""Files of encoded and decoded chunks, whose format the end of the name chooses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fast_tokenizer.datasets.libraries import import_library
from fast_tokenizer.encoded_datasets import npz, parquet
from fast_tokenizer.encoded_datasets.contents import DecodedChunks, EncodedChunks
from fast_tokenizer.errors import FormatError
from fast_tokenizer.staged_files import staged_file

_FORMATS = {".npz": npz, ".parquet": parquet}


def require_known_format(path: Path) -> None:
    """Raises the error that writing the file would end in, if its format is not known or pyarrow is missing.

    Raises:
        FormatError: The name ends otherwise than that of a known format.
        ImportError: If pyarrow is needed and not installed.
    """
    _format(path)


def write_encoded(path: Path, groups: Iterable[EncodedChunks]) -> None:
    """Writes tokens; on failure the file is as it was.

    Args:
        path: Ends in `.parquet`, which is written group by group, or in `.npz`, which is held in memory.
        groups: Chunks of one shape; at least one.

    Raises:
        FormatError: If the format is not known.
        ImportError: If pyarrow is needed and not installed.
    """
    write = _format(path).write_encoded
    with staged_file(path) as stage:
        write(stage, groups)


def read_encoded(path: Path) -> Iterator[EncodedChunks]:
    """Reads what `write_encoded` wrote, some hundred chunks at a time.

    Raises:
        OSError: If the file cannot be opened.
        FormatError: If the format is not known, or the file damaged.
        ImportError: If pyarrow is needed and not installed.
    """
    path.stat()  # says that it does not exist as the system says it
    groups: Iterator[EncodedChunks] = _format(path).read_encoded(path)
    return groups


def count_encoded(path: Path) -> int:
    """How many chunks `read_encoded` reads; it raises what that raises."""
    path.stat()
    return int(_format(path).count_encoded(path))


def write_decoded(path: Path, groups: Iterable[DecodedChunks]) -> None:
    """Writes actions as `write_encoded` writes tokens."""
    write = _format(path).write_decoded
    with staged_file(path) as stage:
        write(stage, groups)


def _format(path: Path) -> Any:
    if path.suffix not in _FORMATS:
        raise FormatError(f"expected a name that ends in {' or '.join(_FORMATS)}", str(path))
    if path.suffix == ".parquet":
        import_library("pyarrow", parquet.EXTRA, path)
    return _FORMATS[path.suffix]
