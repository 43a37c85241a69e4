"""What the package asks of a language model's text tokenizer, of either kind that there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from fast_tokenizer.errors import FastTokenizerError

ACTION_TOKEN = "<action_{}>"
"""The text of the token for an action id, where such tokens are added."""

_NUMBERED = ACTION_TOKEN.format(r"(\d+)")
_RESERVED = (r"<unused(\d+)>", r"<loc(\d+)>", r"<\|reserved_special_token_(\d+)\|>")


class TextTokenizer(Protocol):
    """A text tokenizer of Hugging Face or SentencePiece, under one set of names."""

    @property
    def vocab_size(self) -> int:
        """Ids of the vocabulary that it was trained with; tokens added later lie after them."""

    def __len__(self) -> int:
        """Ids of all its tokens."""

    @property
    def bos_id(self) -> int | None:
        """Begins a sequence."""

    @property
    def eos_id(self) -> int | None:
        """Ends a sequence."""

    @property
    def pad_id(self) -> int | None:
        """Fills a sequence."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text and of nothing else: no beginning and no end of a sequence."""

    def special_among(self, ids: Sequence[int]) -> list[int]:
        """Those of some ids that have a part of their own, such as the end of a sequence."""

    def vocabulary(self) -> dict[str, int]:
        """The id of every token, added ones included."""


def as_text_tokenizer(tokenizer: Any) -> TextTokenizer:
    """Reads a tokenizer by what it can do, so that neither library is imported.

    Raises:
        TypeError: If it is of neither kind.
    """
    if hasattr(tokenizer, "id_to_piece"):
        return _SentencePiece(tokenizer)
    if hasattr(tokenizer, "convert_ids_to_tokens"):
        return _HuggingFace(tokenizer)
    raise TypeError(
        f"the text tokenizer is a {type(tokenizer).__name__}: expected a tokenizer of transformers or a "
        "SentencePieceProcessor"
    )


def required(token_id: int | None, name: str) -> int:
    """An id that a text tokenizer must have for what is asked of it.

    Raises:
        FastTokenizerError: If it has none.
    """
    if token_id is None:
        raise FastTokenizerError(f"the text tokenizer has no id for the {name}: set its token for it")
    return token_id


def numbered_tokens(text: TextTokenizer, size: int, pattern: str | None = None) -> list[int]:
    """The ids of the tokens with the numbers 0 to `size - 1`.

    Args:
        text: Where to look.
        size: How many.
        pattern: A regular expression for whole tokens, whose one group is the number; `<action_0>` unless given.

    Raises:
        FastTokenizerError: If one of them is missing.
    """
    pattern = pattern or _NUMBERED
    family = _family(text, pattern)
    missing = [number for number in range(size) if number not in family]
    if missing:
        raise FastTokenizerError(
            f"the text tokenizer has {size - len(missing)} of {size} tokens {pattern}, number {missing[0]} not: "
            "add them with fast_tokenizer.hf.embeddings.add_action_tokens"
        )
    return [family[number] for number in range(size)]


def reserved_tokens(
    text: TextTokenizer, size: int, pattern: str | None = None, in_use: Iterable[int | None] = ()
) -> list[int]:
    """The ids of the first `size` tokens of a family that stands unused, in the order of their numbers.

    Args:
        text: Where to look.
        size: How many.
        pattern: The family, as in `numbered_tokens`; the first known one that is large enough unless given.
        in_use: Ids to pass over, besides the beginning, end and padding of the tokenizer.

    Raises:
        FastTokenizerError: If no family is large enough.
    """
    taken = {text.bos_id, text.eos_id, text.pad_id, *in_use}
    counts = {}
    for family in [pattern] if pattern else _RESERVED:
        ids = [one for _, one in sorted(_family(text, family).items()) if one not in taken]
        if len(ids) >= size:
            return ids[:size]
        counts[family] = len(ids)
    found = ", ".join(f"{count} of {family}" for family, count in counts.items())
    raise FastTokenizerError(
        f"no family of {size} reserved tokens in the text tokenizer (it has {found}): name a larger one by its "
        'pattern, fit the actions with a smaller vocabulary, or use the mode "tail" or "added"'
    )


def _family(text: TextTokenizer, pattern: str) -> dict[int, int]:
    """Ids by the number in the token, of the tokens that a pattern describes."""
    matches = ((re.fullmatch(pattern, token), one) for token, one in text.vocabulary().items())
    return {int(match[1]): one for match, one in matches if match}


class _SentencePiece:
    def __init__(self, processor: Any) -> None:
        self._processor = processor

    @property
    def vocab_size(self) -> int:
        return int(self._processor.vocab_size())

    @property
    def bos_id(self) -> int | None:
        return _known(self._processor.bos_id())

    @property
    def eos_id(self) -> int | None:
        return _known(self._processor.eos_id())

    @property
    def pad_id(self) -> int | None:
        return _known(self._processor.pad_id())

    def __len__(self) -> int:
        return self.vocab_size

    def encode(self, text: str) -> list[int]:
        return list(self._processor.encode(text, out_type=int, add_bos=False, add_eos=False))

    def special_among(self, ids: Sequence[int]) -> list[int]:
        return [one for one in ids if self._processor.is_control(one) or self._processor.is_unknown(one)]

    def vocabulary(self) -> dict[str, int]:
        ids = range(self.vocab_size)
        return dict(zip(self._processor.id_to_piece(list(ids)), ids, strict=True))


class _HuggingFace:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @property
    def vocab_size(self) -> int:
        return int(self._tokenizer.vocab_size)

    @property
    def bos_id(self) -> int | None:
        return _known(self._tokenizer.bos_token_id)

    @property
    def eos_id(self) -> int | None:
        return _known(self._tokenizer.eos_token_id)

    @property
    def pad_id(self) -> int | None:
        return _known(self._tokenizer.pad_token_id)

    def __len__(self) -> int:
        return len(self._tokenizer)

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def special_among(self, ids: Sequence[int]) -> list[int]:
        special = set(self._tokenizer.all_special_ids)
        return [one for one in ids if one in special]

    def vocabulary(self) -> dict[str, int]:
        return dict(self._tokenizer.get_vocab())


def _known(token_id: int | None) -> int | None:
    # SentencePiece says -1 of what a model lacks.
    return None if token_id is None or token_id < 0 else int(token_id)
