"""Fetching a tokenizer from the Hugging Face hub, and putting one there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

_REPOSITORY_ID = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


def is_repository_id(name: str) -> bool:
    """Whether a repository on the hub may be called so; else a name can only be a path.

    Examples:
        >>> is_repository_id("physical-intelligence/fast"), is_repository_id("./fast")
        (True, False)
    """
    return _REPOSITORY_ID.fullmatch(name) is not None


def local_directory(name_or_path: str | os.PathLike[str], *, revision: str | None, local_files_only: bool) -> Path:
    """The directory of a path, or a downloaded one if there is none and it may be the id of a repository.

    Raises:
        NotADirectoryError: If it is a file.
        FileNotFoundError: As `download` does, and ImportError too.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    if path.exists():
        raise NotADirectoryError(f"{path} is a file: expected the directory that it lies in")
    return download(str(name_or_path), revision=revision, local_files_only=local_files_only)


def download(
    repository: str,
    *,
    revision: str | None,
    local_files_only: bool,
    cache_dir: str | None = None,
    token: str | bool | None = None,
) -> Path:
    """Downloads the JSON files of a repository, or finds them in the cache.

    Args:
        repository: Its id, such as `physical-intelligence/fast`.
        revision: Branch, tag or commit.
        local_files_only: Ask no network.
        cache_dir: Where the cache is; the hub's own place unless given.
        token: For private repositories; the one that was logged in with unless given.

    Returns:
        The folder that holds them.

    Raises:
        FileNotFoundError: If the name can only be a path.
        ImportError: If `huggingface_hub` is not installed.
    """
    if not is_repository_id(repository):
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
        cache_dir=cache_dir,
        token=token,
        allow_patterns=["*.json", "bpe_tokenizer/*.json"],
    )
    return Path(folder)


def publish(
    repository: str,
    save: Callable[[Path], object],
    card: str,
    *,
    private: bool | None = None,
    commit_message: str = "Upload tokenizer",
    revision: str | None = None,
    token: str | bool | None = None,
) -> str:
    """Uploads a tokenizer directory, and the card where the repository has none yet.

    Args:
        repository: Its id; made if it is not there.
        save: Writes the directory.
        card: The text of its README.
        private: Whether a new repository is private; None for the account's default.
        commit_message: Of the one commit that is made.
        revision: The branch to upload to.
        token: Unless given, the one that was logged in with.

    Returns:
        The address of the commit.

    Raises:
        ImportError: If `huggingface_hub` is not installed.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ImportError(
            f"to upload {repository} to the Hugging Face hub, install the extra: pip install fast_tokenizer[hub]"
        ) from error
    import tempfile  # not with the module: it takes long to load

    api = HfApi(token=token)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder, "tokenizer")
        save(directory)
        repository = api.create_repo(repository, private=private, exist_ok=True).repo_id
        if not api.file_exists(repository, "README.md", revision=revision):  # one that people wrote stays
            (directory / "README.md").write_text(card, "utf-8")
        commit = api.upload_folder(
            repo_id=repository, folder_path=directory, commit_message=commit_message, revision=revision
        )
    return str(commit.commit_url)
