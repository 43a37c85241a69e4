"""JSON files: every complaint about one names the file and the key, and one is written whole or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fast_tokenizer.errors import FormatError
from fast_tokenizer.staged_files import staged_file


def read_json(path: Path) -> dict[str, Any]:
    """Reads an object whose keys stand once each.

    Raises:
        FormatError: If the file is missing, or holds anything else.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise FormatError(f"the key {twice!r} stands twice", str(path))
        return content

    try:
        content = json.loads(path.read_text("utf-8"), object_pairs_hook=unique)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FormatError(f"{path.name} is missing", str(path.parent)) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"not readable as JSON: {error}", str(path)) from error
    if not isinstance(content, dict):
        raise FormatError(f"holds a {type(content).__name__}, expected an object", str(path))
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes an object, as `write_text` does."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a file, beside it first: an interruption leaves the file as it was."""
    with staged_file(path) as stage:
        stage.write_text(text, "utf-8")


@contextmanager
def errors_within(key: str, path: Path | None = None) -> Iterator[None]:
    """Makes a `FormatError` about a part name its place in the whole.

    Args:
        key: Where the part is; empty for the whole.
        path: The file that the whole is in, if this is known here.

    Examples:
        >>> with errors_within("statistics"):
        ...     raise FormatError("missing", key="q01")
        Traceback (most recent call last):
        fast_tokenizer.errors.FormatError: 'statistics.q01': missing
    """
    try:
        yield
    except FormatError as error:
        place = ".".join(part for part in (key, error.key) if part)
        raise FormatError(error.detail, None if path is None else str(path), place or None) from error


_REQUIRED: Any = object()


def get_value(
    content: Mapping[str, Any],
    key: str,
    path: Path,
    kind: type[Any] | tuple[type[Any], ...],
    default: Any = _REQUIRED,
    within: str = "",
) -> Any:
    """The value of a key, which must be of one of the types; an absent key has the default, if there is one.

    Args:
        content: The object.
        key: The key in it.
        path: The file, for the message.
        kind: The types allowed; a bool is no int here.
        default: For an absent key; None also allows null.
        within: Where the object is in the file, such as `model.`.

    Raises:
        FormatError: If the key is missing without a default, or the value is of another type.
    """
    value = content.get(key, default)
    if value is _REQUIRED:
        raise FormatError("missing", str(path), within + key)
    if value is default and key not in content:
        return value
    if value is None and default is None:
        return value
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join(one.__name__ for one in kinds)
        raise FormatError(f"got {short(value)}, expected {names}", str(path), within + key)
    return value


def require_format(content: Mapping[str, Any], expected: int, path: Path) -> None:
    """Raises a `FormatError` unless the file's `format_version` is the one that is understood."""
    version = get_value(content, "format_version", path, int)
    if version != expected:
        raise FormatError(
            f"got {version}, expected {expected}: a newer release wrote it", str(path), "format_version"
        )


def short(value: object) -> str:
    """A value as a message shows it: the beginning, where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def require(holds: bool, expected: str, path: Path, key: str, got: object) -> None:
    """Raises a `FormatError` that says what was got and expected, unless the condition holds."""
    if not holds:
        raise FormatError(f"got {short(got)}, {expected}", str(path), key)
