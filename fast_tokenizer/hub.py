"""Fetching a tokenizer from the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

_REPOSITORY_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def download(repository: str, *, revision: str | None, local_files_only: bool) -> Path:
    """Downloads the JSON files of a repository, or finds them in the cache.

    Args:
        repository: Its id, such as `physical-intelligence/fast`.
        revision: Branch, tag or commit.
        local_files_only: Ask no network.

    Returns:
        The folder that holds them.

    Raises:
        FileNotFoundError: If the name can only be a path.
        ImportError: If `huggingface_hub` is not installed.
    """
    if not _REPOSITORY_ID.fullmatch(repository) or repository.startswith("."):
        raise FileNotFoundError(f"there is no directory {repository}, and it is no id of a repository on the hub")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError(
            f"there is no directory {repository}; to fetch it from the Hugging Face hub, "
            "install the extra: pip install fast_tokenizer[hub]"
        ) from error
    folder = snapshot_download(
        repository,
        revision=revision,
        local_files_only=local_files_only,
        allow_patterns=["*.json", "bpe_tokenizer/*.json"],
    )
    return Path(folder)
