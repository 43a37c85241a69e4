"""Libraries that read the formats of others: imported when one is needed, their complaints made ours."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fast_tokenizer.errors import FastTokenizerError, FormatError


def import_library(module: str, extra: str, path: Path) -> Any:
    """Imports what reads or writes `path`.

    Raises:
        ImportError: If it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"to read or write {path}, install the extra: pip install fast_tokenizer[{extra}]"
        ) from error


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Makes what a library raises at a damaged file a `FormatError` that names it.

    An error that the system gave (no such file, no permission) stays what it is.

    Examples:
        >>> with reading(Path("x.npy"), ".npy file"):
        ...     raise EOFError("no data left")
        Traceback (most recent call last):
        fast_tokenizer.errors.FormatError: x.npy: not a readable .npy file (no data left)
    """
    try:
        yield
    except FastTokenizerError:
        raise
    except Exception as error:  # each library complains in a dozen ways
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"not a readable {kind} ({error})", str(path)) from error


def missing_key(key: str, present: list[str], path: Path) -> FormatError:
    """The error for a key that is not in a file."""
    return FormatError(f"there is no {key!r}: found {', '.join(present) or 'nothing'}", str(path))
