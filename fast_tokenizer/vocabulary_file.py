"""A vocabulary as `tokenizer.json`: what the tokenizers library writes and reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.json_files import get_value, read_json, require, short

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def read_vocabulary(path: Path) -> tuple[Scheme, list[str], npt.NDArray[np.int32]]:
    """Reads scheme, token texts by id, and merges `[M, 3]` of a `tokenizer.json`.

    Raises:
        FormatError: If the file is damaged, or asks for something that no FAST tokenizer does.
    """
    content = read_json(path)
    model = get_value(content, "model", path, dict)
    # Each of these would change the ids; none occurs in a FAST tokenizer.
    require(model.get("type", "BPE") == "BPE", "expected 'BPE'", path, "model.type", model.get("type"))
    for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"):
        require(not model.get(key), "expected null", path, f"model.{key}", model.get(key))
    for key in ("byte_fallback", "ignore_merges"):
        require(not model.get(key), "expected false", path, f"model.{key}", model.get(key))
    require(not content.get("normalizer"), "expected null", path, "normalizer", content.get("normalizer"))
    require(not content.get("added_tokens"), "expected none", path, "added_tokens", content.get("added_tokens"))
    processor = content.get("post_processor")
    require(_adds_nothing(processor), "expected one that adds no tokens", path, "post_processor", processor)
    scheme = _scheme_of(content, path)

    vocab = get_value(model, "vocab", path, dict, within="model.")
    tokens = _tokens_by_id(vocab, path)
    merges = get_value(model, "merges", path, list, within="model.")
    ids = [_merge_ids(merge, index, vocab, path) for index, merge in enumerate(merges)]
    return scheme, tokens, np.array(ids, np.int32).reshape(-1, 3)


def vocabulary_json(codec: FastCodec) -> dict[str, Any]:
    """The content of a `tokenizer.json` from which the tokenizers library gives the codec's ids."""
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
    require(
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
        key = f"model.vocab[{short(token)}]"
        is_id = isinstance(number, int) and not isinstance(number, bool)
        require(is_id and 0 <= number < len(vocab), f"expected an id in 0..{len(vocab) - 1}", path, key, number)
        require(tokens[number] is None, f"which {short(tokens[number])} has too", path, key, number)
        require(token.isascii() or not _has_surrogate(token), "which no text holds", path, key, token)
        tokens[number] = token
    require(len(tokens) > 0, "expected at least one token", path, "model.vocab", {})
    return [token for token in tokens if token is not None]


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _merge_ids(merge: object, index: int, vocab: Mapping[str, int], path: Path) -> tuple[int, int, int]:
    key = f"model.merges[{index}]"
    # A string in FAST+, where no token holds a space; a pair in files written since tokenizers 0.20.
    sides = merge.split(" ") if isinstance(merge, str) else merge
    is_pair = isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, str) for side in sides)
    require(is_pair, "expected two tokens", path, key, merge)
    left, right = cast("list[str]", sides)
    for token in (left, right, left + right):
        require(token in vocab, f"but model.vocab has no {short(token)}", path, key, merge)
    return vocab[left], vocab[right], vocab[left + right]
