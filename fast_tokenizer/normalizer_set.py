"""Normalisers of several embodiments in one file, as OpenVLA keeps them under an `unnorm_key`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fast_tokenizer.errors import FastTokenizerError, FormatError
from fast_tokenizer.json_files import errors_within, get_value, read_json, require_format, write_json
from fast_tokenizer.normalization import Normalizer

NORMALIZER_FILE = "normalizer.json"

_FORMAT = 1


class NormalizerSet(Mapping[str, Normalizer]):
    """A normaliser for each embodiment, by name.

    Args:
        normalizers: The normalisers; at least one.
        default: The embodiment taken where none is asked for. One that is alone needs no naming.

    Raises:
        FormatError: If there is none, or the default is none of them.

    Examples:
        >>> panda, widowx = Normalizer.fit([[0.0], [1.0]], "min_max"), Normalizer.fit([[0.0], [9.0]])
        >>> normalizers = NormalizerSet({"panda": panda, "widowx": widowx}, default="panda")
        >>> normalizers.select() == normalizers["panda"]
        True
        >>> normalizers.select("panda").normalize([0.75]).tolist()
        [0.5]
    """

    def __init__(self, normalizers: Mapping[str, Normalizer], default: str | None = None) -> None:
        self._normalizers = dict(normalizers)
        if not self._normalizers:
            raise FormatError("got no normaliser, expected at least one", key="embodiments")
        if default is None and len(self._normalizers) == 1:
            default = next(iter(self._normalizers))
        if default is not None and default not in self._normalizers:
            raise FormatError(f"got {default!r}, expected {self._names()}", key="default")
        self._default = default

    @property
    def default(self) -> str | None:
        """The embodiment taken where none is asked for."""
        return self._default

    def select(self, embodiment: str | None = None) -> Normalizer:
        """The normaliser of an embodiment, or of the default one.

        Raises:
            FastTokenizerError: If there is no such embodiment, or none was asked for and there is no default.
        """
        chosen = self._default if embodiment is None else embodiment
        if chosen is None:
            raise FastTokenizerError(f"no embodiment was named and there is no default: choose {self._names()}")
        if chosen not in self._normalizers:
            raise FastTokenizerError(f"got the embodiment {chosen!r}: expected {self._names()}")
        return self._normalizers[chosen]

    def get_config(self) -> dict[str, Any]:
        """What the file holds, as plain JSON."""
        embodiments = {name: normalizer.get_config() for name, normalizer in self.items()}
        return {"format_version": _FORMAT, "default": self._default, "embodiments": embodiments}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all of them to a file; on failure the file is as it was."""
        write_json(Path(path), self.get_config())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NormalizerSet:
        """Reads what `save` wrote.

        Raises:
            FormatError: If the file is missing or damaged; the message names it and the key.
        """
        path = Path(path)
        content = read_json(path)
        require_format(content, _FORMAT, path)
        configs = get_value(content, "embodiments", path, dict)
        default = get_value(content, "default", path, str, default=None)
        normalizers = {}
        for name in configs:
            config = get_value(configs, name, path, dict, within="embodiments.")
            with errors_within(f"embodiments.{name}", path):
                normalizers[name] = Normalizer.from_config(config)
        with errors_within("", path):
            return cls(normalizers, default)

    def __getitem__(self, embodiment: str) -> Normalizer:
        return self._normalizers[embodiment]

    def __iter__(self) -> Iterator[str]:
        return iter(self._normalizers)

    def __len__(self) -> int:
        return len(self._normalizers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NormalizerSet) and self._state() == other._state()

    def __hash__(self) -> int:
        return hash(self._state())

    def __repr__(self) -> str:
        return f"NormalizerSet({', '.join(self)}; default {self._default})"

    def _state(self) -> tuple[Any, ...]:
        return frozenset(self._normalizers.items()), self._default

    def _names(self) -> str:
        return "one of " + ", ".join(map(repr, self._normalizers))


def as_normalizer_set(normalizer: Normalizer | NormalizerSet | None) -> NormalizerSet | None:
    """A single normaliser as a set of one, whose embodiment is `default`.

    Examples:
        >>> as_normalizer_set(Normalizer.fit([[0.0], [1.0]]))
        NormalizerSet(default; default default)
    """
    return NormalizerSet({"default": normalizer}) if isinstance(normalizer, Normalizer) else normalizer
