"""The files of a tokenizer directory: the published layout, read and written.

processor_config.json    scale, min_token, vocab_size, time_horizon, action_dim
tokenizer.json           the vocabulary, as the tokenizers library writes it
tokenizer_config.json    what transformers needs to open it
bpe_tokenizer/           the last two again: transformers 5 looks for them here, transformers 4 at the root
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.errors import FormatError

PROCESSOR_FILE = "processor_config.json"
VOCABULARY_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
SUBFOLDER = "bpe_tokenizer"

_LARGEST_CLAIM = 2**31 - 1
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@dataclass(frozen=True)
class SavedTokenizer:
    """What a tokenizer directory holds."""

    codec: FastCodec
    time_horizon: int | None
    action_dim: int | None


def read_directory(directory: Path) -> SavedTokenizer:
    """Reads a tokenizer directory in the published layout, BPE files at the root or in `bpe_tokenizer/`.

    Raises:
        FormatError: If a file is missing or not what it should be; the message names the file and the key.
    """
    config_path = directory / PROCESSOR_FILE
    config = _read_json(config_path)
    scale = _get(config, "scale", config_path, (int, float))
    min_token = _get(config, "min_token", config_path, int, default=0)
    claimed = _get(config, "vocab_size", config_path, int, default=None)
    if claimed is not None and not 0 < claimed <= _LARGEST_CLAIM:
        raise FormatError(f"got {claimed}, expected 1..{_LARGEST_CLAIM}", str(config_path), "vocab_size")
    shape = {}
    for key in ("time_horizon", "action_dim"):
        shape[key] = _get(config, key, config_path, int, default=None)
        if shape[key] is not None and not 0 < shape[key] <= _LARGEST_CLAIM:
            raise FormatError(f"got {shape[key]}, expected 1..{_LARGEST_CLAIM}", str(config_path), key)

    vocabulary_path = _find_vocabulary(directory)
    scheme, tokens, merges = _read_vocabulary(vocabulary_path)
    try:
        codec = FastCodec(tokens, merges, scheme=scheme, scale=scale, min_coefficient=min_token)
    except FormatError as error:
        if error.key is None:
            raise FormatError(str(error), str(vocabulary_path), "model") from error
        key = "min_token" if error.key == "min_coefficient" else error.key
        raise FormatError(error.detail, str(config_path), key) from error
    return SavedTokenizer(codec, **shape)


def write_directory(directory: Path, saved: SavedTokenizer) -> None:
    """Writes a tokenizer directory that this package and the reference processor read.

    Everything is written beside the directory first. A new directory then appears whole. In an existing one the
    files are replaced one by one, `processor_config.json` last and gone until then, so that an interrupted save
    leaves a directory that does not load, never one that mixes two tokenizers.
    """
    vocabulary = _vocabulary_json(saved.codec)
    settings = {
        "clean_up_tokenization_spaces": False,
        "model_max_length": int(1e30),
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    config = {
        "action_dim": saved.action_dim,
        "min_token": saved.codec.min_coefficient,
        "processor_class": "UniversalActionProcessor",
        "scale": saved.codec.scale,
        "time_horizon": saved.time_horizon,
        "vocab_size": saved.codec.vocabulary.size,
    }
    files: dict[str, Mapping[str, Any]] = {
        VOCABULARY_FILE: vocabulary,
        SETTINGS_FILE: settings,
        f"{SUBFOLDER}/{VOCABULARY_FILE}": vocabulary,
        f"{SUBFOLDER}/{SETTINGS_FILE}": settings,
        PROCESSOR_FILE: config,
    }
    with _staged(directory) as stage:
        (stage / SUBFOLDER).mkdir()
        for name, content in files.items():
            (stage / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
        if not directory.exists():
            stage.rename(directory)
            return
        (directory / SUBFOLDER).mkdir(exist_ok=True)
        (directory / PROCESSOR_FILE).unlink(missing_ok=True)
        for name in files:
            (stage / name).replace(directory / name)


@contextmanager
def _staged(directory: Path) -> Iterator[Path]:
    """A folder on the same file system, gone at the end unless it was renamed."""
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


def _read_json(path: Path) -> dict[str, Any]:
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


_REQUIRED: Any = object()


def _get(
    content: Mapping[str, Any],
    key: str,
    path: Path,
    kind: type[Any] | tuple[type[Any], ...],
    default: Any = _REQUIRED,
    within: str = "",
) -> Any:
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
        raise FormatError(f"got {_short(value)}, expected {names}", str(path), within + key)
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _find_vocabulary(directory: Path) -> Path:
    places = [
        path for path in (directory / VOCABULARY_FILE, directory / SUBFOLDER / VOCABULARY_FILE) if path.is_file()
    ]
    if not places:
        raise FormatError(f"neither {VOCABULARY_FILE} nor {SUBFOLDER}/{VOCABULARY_FILE} is there", str(directory))
    if len(places) == 2 and places[0].read_bytes() != places[1].read_bytes():
        root, nested = (_read_vocabulary(path) for path in places)
        if root[:2] != nested[:2] or not np.array_equal(root[2], nested[2]):
            raise FormatError(f"its vocabulary differs from that of {VOCABULARY_FILE}", str(places[1]))
    return places[0]


def _read_vocabulary(path: Path) -> tuple[Scheme, list[str], npt.NDArray[np.int32]]:
    """Scheme, token texts by id, and merges `[M, 3]` of a `tokenizer.json`."""
    content = _read_json(path)
    model = _get(content, "model", path, dict)
    # Each of these would change the ids; none occurs in a FAST tokenizer.
    _expect(model.get("type", "BPE") == "BPE", "expected 'BPE'", path, "model.type", model.get("type"))
    for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"):
        _expect(not model.get(key), "expected null", path, f"model.{key}", model.get(key))
    for key in ("byte_fallback", "ignore_merges"):
        _expect(not model.get(key), "expected false", path, f"model.{key}", model.get(key))
    _expect(not content.get("normalizer"), "expected null", path, "normalizer", content.get("normalizer"))
    _expect(not content.get("added_tokens"), "expected none", path, "added_tokens", content.get("added_tokens"))
    processor = content.get("post_processor")
    _expect(_adds_nothing(processor), "expected one that adds no tokens", path, "post_processor", processor)
    scheme = _scheme_of(content, path)

    vocab = _get(model, "vocab", path, dict, within="model.")
    tokens = _tokens_by_id(vocab, path)
    merges = _get(model, "merges", path, list, within="model.")
    ids = [_merge_ids(merge, index, vocab, path) for index, merge in enumerate(merges)]
    return scheme, tokens, np.array(ids, np.int32).reshape(-1, 3)


def _expect(holds: bool, expected: str, path: Path, key: str, got: object) -> None:
    if not holds:
        raise FormatError(f"got {_short(got)}, {expected}", str(path), key)


def _adds_nothing(processor: object) -> bool:
    """Whether a post-processor leaves the ids alone; transformers 5 writes a template of nothing but the text."""
    if processor is None:
        return True
    if not isinstance(processor, dict):
        return False
    pieces = processor.get("single")
    if processor.get("type") == "TemplateProcessing" and isinstance(pieces, list):
        return all(isinstance(piece, dict) and set(piece) == {"Sequence"} for piece in pieces)
    return processor.get("type") == "ByteLevel"


def _scheme_of(content: Mapping[str, Any], path: Path) -> Scheme:
    splitter = content.get("pre_tokenizer")
    if splitter is None:
        return "symbols"
    known = (
        isinstance(splitter, dict)
        and splitter.get("type") == "ByteLevel"
        and splitter.get("add_prefix_space") is False
        and splitter.get("use_regex", True) is True
    )
    _expect(
        known,
        "expected null, or ByteLevel without a prefix space and with the regex split",
        path,
        "pre_tokenizer",
        splitter,
    )
    return "bytes"


def _tokens_by_id(vocab: Mapping[str, Any], path: Path) -> list[str]:
    tokens: list[str | None] = [None] * len(vocab)
    for token, number in vocab.items():
        key = f"model.vocab[{_short(token)}]"
        is_id = isinstance(number, int) and not isinstance(number, bool)
        _expect(is_id and 0 <= number < len(vocab), f"expected an id in 0..{len(vocab) - 1}", path, key, number)
        _expect(tokens[number] is None, f"which {_short(tokens[number])} has too", path, key, number)
        _expect(token.isascii() or not _has_surrogate(token), "which no text holds", path, key, token)
        tokens[number] = token
    _expect(len(tokens) > 0, "expected at least one token", path, "model.vocab", {})
    return [token for token in tokens if token is not None]


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _merge_ids(merge: object, index: int, vocab: Mapping[str, int], path: Path) -> tuple[int, int, int]:
    key = f"model.merges[{index}]"
    # A string in FAST+, where no token holds a space; a pair in files written since tokenizers 0.20.
    sides = merge.split(" ") if isinstance(merge, str) else merge
    is_pair = isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, str) for side in sides)
    _expect(is_pair, "expected two tokens", path, key, merge)
    left, right = cast("list[str]", sides)
    for token in (left, right, left + right):
        _expect(token in vocab, f"but model.vocab has no {_short(token)}", path, key, merge)
    return vocab[left], vocab[right], vocab[left + right]


def _vocabulary_json(codec: FastCodec) -> dict[str, Any]:
    texts = codec.tokens
    is_bytes = codec.scheme == "bytes"
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL if is_bytes else None,
        "post_processor": {**_BYTE_LEVEL, "trim_offsets": False} if is_bytes else None,
        "decoder": _BYTE_LEVEL if is_bytes else {"type": "Fuse"},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {text: token_id for token_id, text in enumerate(texts)},
            "merges": [[texts[left], texts[right]] for left, right, _ in codec.merges.tolist()],
        },
    }
