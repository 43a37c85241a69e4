"""Finding and opening the tokenizer that a command is about."""

from __future__ import annotations

from pathlib import Path

from fast_tokenizer import FastTokenizer, FastTokenizerError
from fast_tokenizer.dataset_training import TrainingRecord, read_training_record
from fast_tokenizer.hub import download, is_repository_id


def open_tokenizer(name: str) -> tuple[FastTokenizer, TrainingRecord | None]:
    """A tokenizer and the record of its training, if there is one.

    Raises:
        FastTokenizerError: If there is none of this name, or it is damaged.
    """
    directory = _directory(name)
    return FastTokenizer.from_pretrained(directory), read_training_record(directory)


def _directory(name: str) -> Path:
    """One that is here, or of a repository on the hub, which is downloaded."""
    if Path(name).is_dir():
        return Path(name)
    if Path(name).exists() or "/" not in name or not is_repository_id(name):
        raise FastTokenizerError(
            f"{name} is no directory: expected one that holds a tokenizer, or a repository on the hub such as "
            "physical-intelligence/fast"
        )
    try:
        return download(name, revision=None, local_files_only=False)
    except OSError as error:
        raise FastTokenizerError(
            f"there is no directory {name}, and no such repository on the hub: {error}"
        ) from error
