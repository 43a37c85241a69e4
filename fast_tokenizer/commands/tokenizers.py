"""Finding the tokenizer that a command is about."""

from __future__ import annotations

import re
from pathlib import Path

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.hub import download


def tokenizer_directory(name: str) -> Path:
    """The directory of a tokenizer: one that is here, or of a repository on the hub, which is downloaded.

    Raises:
        FastTokenizerError: If it is neither.
    """
    if Path(name).is_dir():
        return Path(name)
    if Path(name).exists() or not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name):
        raise FastTokenizerError(
            f"{name} is no directory: expected one that holds a tokenizer, or a repository on the hub such as "
            "physical-intelligence/fast"
        )
    return download(name, revision=None, local_files_only=False)
