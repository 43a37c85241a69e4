"""Outcomes on disk, a file each: what is there is not run again."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import get_value, read_json, require_format, write_json
from fast_tokenizer.lab.experiment import Outcome, Settings

_FORMAT = 1
_PACKAGES = ("fast_tokenizer", "numpy", "scipy", "torch", "diffusers", "metaworld", "mujoco")


class Records:
    """The outcomes of one experiment.

    Args:
        folder: Where they are; made when the first is written.
        revision: Of the experiment.
    """

    def __init__(self, folder: Path, revision: int = 1) -> None:
        self._folder = folder
        self._revision = revision

    def find(self, settings: Settings) -> Outcome | None:
        """The outcome of a trial of exactly these settings, if it was run in this revision of the experiment.

        Raises:
            FormatError: If its file is damaged.
        """
        path = self._path(settings)
        if not path.exists():
            return None
        content = read_json(path)
        require_format(content, _FORMAT, path)
        if get_value(content, "settings", path, dict) != dict(settings):
            raise FormatError("holds the outcome of other settings: delete it", str(path), "settings")
        if get_value(content, "revision", path, int) != self._revision:
            return None
        versions_then = get_value(content, "versions", path, dict)
        return Outcome(settings, get_value(content, "figures", path, dict), versions_then)

    def write(self, outcome: Outcome, seconds: float) -> None:
        """Writes an outcome, with what it was measured with."""
        self._folder.mkdir(parents=True, exist_ok=True)
        content = {
            "format_version": _FORMAT,
            "revision": self._revision,
            "settings": dict(outcome.settings),
            "figures": dict(outcome.figures),
            "seconds": round(seconds, 3),
            "versions": versions(),
        }
        write_json(self._path(outcome.settings), content)

    def _path(self, settings: Settings) -> Path:
        content = json.dumps(dict(settings), sort_keys=True)
        words = "-".join(str(value) for value in settings.values() if isinstance(value, str))
        readable = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60]
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return self._folder / f"{readable or 'trial'}-{digest}.json"


def versions(packages: Iterable[str] = _PACKAGES) -> Mapping[str, Any]:
    """Versions of what figures depend on, and the machine's kind."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
