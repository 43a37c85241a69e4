"""Files of the work folder: never half-written, never taken for those of another experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def write_beside(file: Path, write: Callable[[Path], object]) -> None:
    """Writes a file under another name and renames it, so that it is there as a whole or not at all."""
    beside = file.with_stem(f"{file.stem}.part")
    write(beside)
    beside.replace(file)


def require_same(file: Path, got: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Ends the program if a file was made with other settings than those that are asked for."""
    differing = [key for key in expected if got.get(key) != expected[key]]
    if differing:
        details = ", ".join(f"{key}={got.get(key)!r} instead of {expected[key]!r}" for key in differing)
        raise SystemExit(f"{file} was made with {details}: delete it, or give another folder by --work")
