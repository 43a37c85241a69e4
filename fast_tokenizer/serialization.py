"""The files of a tokenizer directory: the published layout, read and written.

processor_config.json      scale, min_token, vocab_size, time_horizon, action_dim; the class for AutoProcessor
tokenizer.json             the vocabulary, as the tokenizers library writes it
tokenizer_config.json      the class for AutoTokenizer, and its settings
bpe_tokenizer/             both again as a plain text tokenizer: what the published processor wraps in
                           transformers 5; in transformers 4 it takes the ones above
fast_action_tokenizer.py   the classes for transformers, where fast_tokenizer.hf is not imported: a copy of
                           fast_tokenizer/remote_code.py

That layout holds FAST alone. Of any other codec there is one file, which only this package reads:

codec_config.json          the codec's configuration; time_horizon, action_dim

Beside either, where there is something to tell, and of this package alone:

normalizer.json            what brings actions in a robot's units to [-1, 1]
training.json              what the tokenizer was trained on, and how
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fast_tokenizer.codecs import Codec, FastCodec, codec_from_config
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import errors_within, get_value, read_json, require_format
from fast_tokenizer.normalizer_set import NORMALIZER_FILE, NormalizerSet
from fast_tokenizer.vocabulary_file import read_vocabulary, vocabulary_json

PROCESSOR_FILE = "processor_config.json"
VOCABULARY_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
SUBFOLDER = "bpe_tokenizer"
CODEC_FILE = "codec_config.json"
TRAINING_FILE = "training.json"
REMOTE_CODE_FILE = "fast_action_tokenizer.py"

_CODEC_FORMAT = 1
_LARGEST_CLAIM = 2**31 - 1
_REMOTE_CODE = Path(__file__).with_name("remote_code.py")


@dataclass(frozen=True)
class SavedTokenizer:
    """What a tokenizer directory holds."""

    codec: Codec
    time_horizon: int | None
    action_dim: int | None
    normalizer: NormalizerSet | None = None


def read_directory(directory: Path) -> SavedTokenizer:
    """Reads a tokenizer directory: of FAST in the published layout, BPE files at the root or in `bpe_tokenizer/`.

    Raises:
        FormatError: If a file is missing or not what it should be; the message names the file and the key.
    """
    if not (directory / CODEC_FILE).exists():
        saved = _read_published(directory)
    elif (directory / PROCESSOR_FILE).exists():
        raise FormatError(f"holds two tokenizers, {CODEC_FILE} and {PROCESSOR_FILE}: remove one", str(directory))
    else:
        saved = _read_codec_file(directory / CODEC_FILE)
    if not (directory / NORMALIZER_FILE).exists():
        return saved
    return replace(saved, normalizer=NormalizerSet.load(directory / NORMALIZER_FILE))


def _read_published(directory: Path) -> SavedTokenizer:
    config_path = directory / PROCESSOR_FILE
    config = read_json(config_path)
    scale = get_value(config, "scale", config_path, (int, float))
    min_token = get_value(config, "min_token", config_path, int, default=0)
    claimed = get_value(config, "vocab_size", config_path, int, default=None)
    if claimed is not None and not 0 < claimed <= _LARGEST_CLAIM:
        raise FormatError(f"got {claimed}, expected 1..{_LARGEST_CLAIM}", str(config_path), "vocab_size")
    shape = _read_shape(config, config_path)

    vocabulary_path = _find_vocabulary(directory)
    scheme, tokens, merges = read_vocabulary(vocabulary_path)
    try:
        codec = FastCodec(tokens, merges, scheme=scheme, scale=scale, min_coefficient=min_token)
    except FormatError as error:
        if error.key is None:
            raise FormatError(str(error), str(vocabulary_path), "model") from error
        key = "min_token" if error.key == "min_coefficient" else error.key
        raise FormatError(error.detail, str(config_path), key) from error
    return SavedTokenizer(codec, *shape)


def _read_codec_file(path: Path) -> SavedTokenizer:
    content = read_json(path)
    require_format(content, _CODEC_FORMAT, path)
    config = get_value(content, "codec", path, dict)
    with errors_within("codec", path):
        codec = codec_from_config(config)
    return SavedTokenizer(codec, *_read_shape(content, path))


def _read_shape(content: Mapping[str, Any], path: Path) -> tuple[int | None, int | None]:
    return _read_length(content, "time_horizon", path), _read_length(content, "action_dim", path)


def _read_length(content: Mapping[str, Any], key: str, path: Path) -> int | None:
    number: int | None = get_value(content, key, path, int, default=None)
    if number is not None and not 0 < number <= _LARGEST_CLAIM:
        raise FormatError(f"got {number}, expected 1..{_LARGEST_CLAIM}", str(path), key)
    return number


def write_directory(
    directory: Path,
    saved: SavedTokenizer,
    *,
    tokenizer_settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Writes a tokenizer directory; one of FAST transformers and the reference processor read too.

    Everything is written beside the directory first. A new directory then appears whole. In an existing one the
    files are replaced one by one, the one that names the tokenizer last and gone until then, so that an
    interrupted save leaves a directory that does not load, never one that mixes two tokenizers. The normaliser and
    the record of another tokenizer's training do not stay.

    Args:
        directory: Where to; made if it is not there.
        saved: The tokenizer.
        tokenizer_settings: More for the `tokenizer_config.json` that AutoTokenizer reads: plain JSON.
        training: How it was trained: plain JSON.

    Returns:
        The files.

    Raises:
        FileExistsError: If the directory holds a tokenizer in the other layout.
    """
    if isinstance(saved.codec, FastCodec):
        layout, other = _published_files(saved.codec, saved, tokenizer_settings or {}), CODEC_FILE
    else:
        layout, other = {CODEC_FILE: _codec_file(saved)}, PROCESSOR_FILE
    _refuse_other_layout(directory, other, type(saved.codec))
    normalizer = None if saved.normalizer is None else saved.normalizer.get_config()
    beside = {NORMALIZER_FILE: normalizer, TRAINING_FILE: training}
    files = {name: _as_text(content) for name, content in beside.items() if content is not None} | layout
    with _staged(directory) as stage:
        for name, content in files.items():
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_text(content, "utf-8")
        if not directory.exists():
            stage.rename(directory)
            return [directory / name for name in files]
        for name in files:
            (directory / name).parent.mkdir(exist_ok=True)
        *others, last = files
        stale = [directory / name for name in beside if name not in files and (directory / name).exists()]
        if others or stale:  # one file is replaced at once
            (directory / last).unlink(missing_ok=True)
        for path in stale:
            path.unlink()
        for name in files:
            (stage / name).replace(directory / name)
    return [directory / name for name in files]


def require_writable(directory: Path) -> None:
    """Raises the `OSError` that saving a tokenizer of FAST would end in, as far as this is known beforehand.

    For those who work for minutes before they save. Nothing is left there.
    """
    import tempfile  # not with the module: it takes long to load

    _refuse_other_layout(directory, CODEC_FILE, FastCodec)
    above = next(path for path in directory.absolute().parents if path.exists())
    for place in (above, directory):
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file, expected a directory", str(place))
        if place.exists():
            with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=place):
                pass


def _refuse_other_layout(directory: Path, other: str, kind: type[Codec]) -> None:
    if (directory / other).exists():
        raise FileExistsError(
            f"{directory} holds another tokenizer, in {other}, which a {kind.__name__} does not replace: "
            "save into another directory, or empty this one"
        )


def _codec_file(saved: SavedTokenizer) -> str:
    content = {
        "format_version": _CODEC_FORMAT,
        "codec": saved.codec.get_config(),
        "time_horizon": saved.time_horizon,
        "action_dim": saved.action_dim,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"  # bins are long: a number a line would not be read


def _published_files(
    codec: FastCodec, saved: SavedTokenizer, tokenizer_settings: Mapping[str, Any]
) -> dict[str, str]:
    """The text of each file, `processor_config.json` last."""
    module = REMOTE_CODE_FILE.removesuffix(".py")
    vocabulary = _as_text(vocabulary_json(codec))
    # Cleaning up spaces would rewrite pairs of coefficients.
    plain = {"clean_up_tokenization_spaces": False, "model_max_length": int(1e30)}
    # Class names find the classes where fast_tokenizer.hf is imported. Without the auto_map transformers 5 would
    # give a plain text tokenizer where it is not, and say nothing.
    settings = {
        **plain,
        **tokenizer_settings,
        "auto_map": {"AutoTokenizer": [f"{module}.FastActionTokenizer", None]},
        "tokenizer_class": "FastActionTokenizer",
    }
    config = {
        "action_dim": saved.action_dim,
        "auto_map": {"AutoProcessor": f"{module}.FastActionProcessor"},
        "min_token": codec.min_coefficient,
        "processor_class": "FastActionProcessor",
        "scale": codec.scale,
        "time_horizon": saved.time_horizon,
        "vocab_size": codec.vocabulary.size,
    }
    return {
        VOCABULARY_FILE: vocabulary,
        SETTINGS_FILE: _as_text(settings),
        f"{SUBFOLDER}/{VOCABULARY_FILE}": vocabulary,
        f"{SUBFOLDER}/{SETTINGS_FILE}": _as_text({**plain, "tokenizer_class": "PreTrainedTokenizerFast"}),
        REMOTE_CODE_FILE: _REMOTE_CODE.read_text("utf-8"),
        PROCESSOR_FILE: _as_text(config),
    }


def _as_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


@contextmanager
def _staged(directory: Path) -> Iterator[Path]:
    """A folder on the same file system, gone at the end unless it was renamed."""
    import shutil
    import tempfile

    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: expected a directory to save into")
    directory.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        stage.chmod(0o777 & ~_umask())
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _find_vocabulary(directory: Path) -> Path:
    places = [
        path for path in (directory / VOCABULARY_FILE, directory / SUBFOLDER / VOCABULARY_FILE) if path.is_file()
    ]
    if not places:
        raise FormatError(f"neither {VOCABULARY_FILE} nor {SUBFOLDER}/{VOCABULARY_FILE} is there", str(directory))
    if len(places) == 2 and places[0].read_bytes() != places[1].read_bytes():
        root, nested = (read_vocabulary(path) for path in places)
        if root[:2] != nested[:2] or not np.array_equal(root[2], nested[2]):
            raise FormatError(f"its vocabulary differs from that of {VOCABULARY_FILE}", str(places[1]))
    return places[0]
