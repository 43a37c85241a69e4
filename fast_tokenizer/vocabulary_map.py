"""Where the action ids, and the special ids after them, lie in a language model's vocabulary."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError, FormatError
from fast_tokenizer.text_tokenizer import as_text_tokenizer, numbered_tokens, reserved_tokens

_UNKNOWN = -1


class VocabularyMap:
    """Where the ids of an `ActionVocabulary` lie in a language model's vocabulary.

    Immutable. Both ways are one look-up for an array of any shape: no id goes through a string.

    Args:
        model_ids: `[size]`: the language model's id for each action id, all different.
        pad_id: The language model's id for `ActionVocabulary.pad_id`, None where it has none.
        eos_id: Likewise for the end of a sequence.
        mask_id: Likewise for what is not decided yet.

    Raises:
        FastTokenizerError: If an id is negative, or two are the same.

    Examples:
        PaliGemma, as the pi0-FAST models use it:

        >>> places = VocabularyMap.tail(257_152, size=2048, pad_id=0, eos_id=1)
        >>> places.to_model([0, 1, 2047, 2049]).tolist()
        [257023, 257022, 254976, 1]
        >>> places.to_action([257023, 254976, 1]).tolist()
        [0, 2047, 2049]
    """

    def __init__(
        self,
        model_ids: npt.ArrayLike,
        *,
        pad_id: int | None = None,
        eos_id: int | None = None,
        mask_id: int | None = None,
    ) -> None:
        ids = _as_integers("model_ids", model_ids).copy()
        if ids.ndim != 1 or not ids.size:
            raise FastTokenizerError(f"model_ids has shape {ids.shape}: expected one id for each action id")
        if ids.min() < 0:
            raise FastTokenizerError(f"model_ids[{ids.argmin()}] is {ids.min()}: expected 0 or more")
        ids.flags.writeable = False
        self._model_ids = ids
        self._special = {
            name: None if value is None else operator.index(value)
            for name, value in (("pad_id", pad_id), ("eos_id", eos_id), ("mask_id", mask_id))
        }
        # By action id, the three special ids last; -1 where the model has none.
        self._to_model = np.append(ids, [_UNKNOWN if one is None else one for one in self._special.values()])
        known = np.flatnonzero(self._to_model != _UNKNOWN)
        self._action_ids = known[np.argsort(self._to_model[known], kind="stable")]
        self._sorted = self._to_model[self._action_ids]
        self._require_distinct()

    @classmethod
    def tail(
        cls,
        vocab_size: int,
        *,
        size: int,
        skip: int = 128,
        pad_id: int | None = None,
        eos_id: int | None = None,
        mask_id: int | None = None,
    ) -> VocabularyMap:
        """The last ids of a vocabulary, from the end: the model's id is `vocab_size - 1 - skip - id`.

        Source: `_act_tokens_to_paligemma_tokens` of openpi (128 skipped), and with `skip=0` the bins of OpenVLA.

        Args:
            vocab_size: Ids of the language model's tokenizer, without added ones.
            size: Action ids that there are.
            skip: Ids at the very end that are left alone; in PaliGemma the tokens for segmentation.
            pad_id: As in the class.
            eos_id: As in the class.
            mask_id: As in the class.

        Raises:
            FastTokenizerError: If the vocabulary is too small for it.
        """
        if skip < 0 or size < 1:
            raise FastTokenizerError(f"got size={size}, skip={skip}: expected 1 or more, and 0 or more")
        if skip + size > vocab_size:
            raise FastTokenizerError(
                f"a block of {size} action ids before the last {skip} needs {skip + size} ids, and the text "
                f"tokenizer has {vocab_size}: fit the actions with a smaller vocabulary, or add tokens"
            )
        ids = vocab_size - 1 - skip - np.arange(size)
        return cls(ids, pad_id=pad_id, eos_id=eos_id, mask_id=mask_id)

    @classmethod
    def offset(
        cls,
        start: int,
        *,
        size: int,
        pad_id: int | None = None,
        eos_id: int | None = None,
        mask_id: int | None = None,
    ) -> VocabularyMap:
        """A block from `start` on: the model's id is `start + id`."""
        return cls(start + np.arange(size), pad_id=pad_id, eos_id=eos_id, mask_id=mask_id)

    @classmethod
    def table(
        cls,
        model_ids: npt.ArrayLike,
        *,
        pad_id: int | None = None,
        eos_id: int | None = None,
        mask_id: int | None = None,
    ) -> VocabularyMap:
        """Any places, as long as no two are the same."""
        return cls(model_ids, pad_id=pad_id, eos_id=eos_id, mask_id=mask_id)

    @classmethod
    def from_tokenizer(
        cls,
        text_tokenizer: Any,
        mode: Literal["tail", "added", "reserved"],
        *,
        size: int,
        skip: int = 128,
        pattern: str | None = None,
        pad_id: int | None = None,
        eos_id: int | None = None,
        mask_id: int | None = None,
    ) -> VocabularyMap:
        r"""Finds the places in a text tokenizer.

        Args:
            text_tokenizer: A tokenizer of transformers, or a SentencePieceProcessor.
            mode: `"tail"`: the last ids of its own vocabulary. `"added"`: the tokens `<action_0>` and so on, which
                `fast_tokenizer.hf.embeddings` adds. `"reserved"`: tokens that stand unused, in the order of their
                numbers.
            size: Action ids that there are.
            skip: For `"tail"`, as there.
            pattern: For `"added"` and `"reserved"`, a regular expression for whole tokens whose one group is the
                number. For `"reserved"` the first family that is large enough is taken unless given:
                `<unused0>`, `<loc0000>`, `<|reserved_special_token_0|>`. Tokens that have a part are passed over.
            pad_id: The tokenizer's own unless given; none where its padding is its end of a sequence.
            eos_id: The tokenizer's own unless given.
            mask_id: None unless given.

        Raises:
            FastTokenizerError: If there is no room, tokens are missing, the block holds a special token, or a
                special id is none of the tokenizer's.
        """
        text = as_text_tokenizer(text_tokenizer)
        eos_id = text.eos_id if eos_id is None else eos_id
        if pad_id is None and text.pad_id != eos_id:
            pad_id = text.pad_id
        special = {"pad_id": pad_id, "eos_id": eos_id, "mask_id": mask_id}
        for name, one in special.items():
            if one is not None and one >= len(text):
                raise FastTokenizerError(f"{name} is {one}: expected one of the text tokenizer's {len(text)} ids")
        if mode == "tail":
            places = cls.tail(text.vocab_size, size=size, skip=skip, **special)
            taken = text.special_among(places.model_ids.tolist())
            if taken:
                raise FastTokenizerError(
                    f"the model ids {_span(places.model_ids)} of {size} action ids hold {len(taken)} special "
                    f"token(s) of the text tokenizer, the first is {taken[0]}: use another skip than {skip}, or "
                    "add tokens"
                )
            return places
        if mode == "added":
            return cls(numbered_tokens(text, size, pattern), **special)
        if mode == "reserved":
            return cls(reserved_tokens(text, size, pattern, in_use=special.values()), **special)
        raise ValueError(f"mode is {mode!r}: expected 'tail', 'added' or 'reserved'")

    @property
    def model_ids(self) -> npt.NDArray[np.int64]:
        """`[size]`, read-only: the language model's id for each action id."""
        return self._model_ids

    @property
    def pad_id(self) -> int | None:
        """The language model's id that fills sequences."""
        return self._special["pad_id"]

    @property
    def eos_id(self) -> int | None:
        """The language model's id that ends a sequence."""
        return self._special["eos_id"]

    @property
    def mask_id(self) -> int | None:
        """The language model's id for what is not decided yet."""
        return self._special["mask_id"]

    @property
    def block(self) -> slice | None:
        """The slice of the model's vocabulary that the action ids fill, None where it has gaps.

        In which order they fill it, `model_ids` tells.
        """
        first, last = int(self._model_ids.min()), int(self._model_ids.max())
        return slice(first, last + 1) if last - first + 1 == len(self) else None

    def __len__(self) -> int:
        """Action ids that there are."""
        return len(self._model_ids)

    def to_model(self, action_ids: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Action ids, of any shape, to ids of the language model; special ids where it has them.

        Raises:
            FastTokenizerError: If an id is none of these; the message names its place.
            TypeError: If something is not an integer.
        """
        ids = _as_integers("action_ids", action_ids)
        inside = (ids >= 0) & (ids < len(self._to_model))
        found: npt.NDArray[np.int64] = self._to_model[np.where(inside, ids, 0)]
        wrong = ~inside | (found == _UNKNOWN)
        if wrong.any():
            raise FastTokenizerError(
                f"{_first('action_ids', ids, wrong)}: expected an action id, 0..{len(self) - 1}, or "
                f"{self._specials(0)}"
            )
        return found

    def to_action(self, model_ids: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Ids of the language model, of any shape, to action ids, and its special ids to those of the actions.

        Raises:
            FastTokenizerError: If an id is none of these; the message names its place.
            TypeError: If something is not an integer.
        """
        ids = _as_integers("model_ids", model_ids)
        place, found = self._find(ids)
        if not found.all():
            raise FastTokenizerError(
                f"{_first('model_ids', ids, ~found)}: expected the id of an action, in "
                f"{_span(self._model_ids)}, or {self._specials(1)}"
            )
        return self._action_ids[place].astype(np.int32)

    def is_action(self, model_ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which ids of the language model, of any shape, stand for an action id; special ids do not."""
        place, found = self._find(_as_integers("model_ids", model_ids))
        is_action: npt.NDArray[np.bool_] = found & (self._action_ids[place] < len(self))
        return is_action

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal map of, as plain JSON."""
        return {"model_ids": self._model_ids.tolist(), **self._special}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> VocabularyMap:
        """The map that `get_config` described."""
        try:
            return cls(**config)
        except TypeError as error:
            raise FormatError(f"not the configuration of a vocabulary map: {error}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return VocabularyMap.from_config, (self.get_config(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VocabularyMap) and np.array_equal(self._to_model, other._to_model)

    def __hash__(self) -> int:
        return hash(self._to_model.tobytes())

    def __repr__(self) -> str:
        special = ", ".join(f"{name}={value}" for name, value in self._special.items())
        return f"VocabularyMap({len(self)} action ids in {_span(self._model_ids)}, {special})"

    def _find(self, ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The places of ids among the sorted ones, and whether they are there."""
        place = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        return place, self._sorted[place] == ids

    def _require_distinct(self) -> None:
        negative = {name: one for name, one in self._special.items() if one is not None and one < 0}
        for name, one in negative.items():
            raise FastTokenizerError(f"{name} is {one}: expected 0 or more, or None")
        repeated = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        if repeated.size:
            first, second = self._action_ids[repeated[0]], self._action_ids[repeated[0] + 1]
            raise FastTokenizerError(
                f"the model id {self._sorted[repeated[0]]} stands for both {self._name(first)} and "
                f"{self._name(second)}: expected an id for each"
            )

    def _name(self, action_id: int) -> str:
        return f"action id {action_id}" if action_id < len(self) else list(self._special)[action_id - len(self)]

    def _specials(self, side: Literal[0, 1]) -> str:
        """The special ids that can be translated, as action ids (0) or as the model's (1)."""
        pairs = enumerate(self._special.values(), len(self))
        known = [f"{pair[side]} ({self._name(pair[0])})" for pair in pairs if pair[1] is not None]
        return ", ".join(known) or "a special id, of which none is known"


def _as_integers(name: str, ids: Any) -> npt.NDArray[np.int64]:
    array = np.asarray(ids.detach().cpu() if hasattr(ids, "detach") else ids)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name} have the type {array.dtype}: expected integers of at most 64 bits")
    return array.astype(np.int64)


def _first(name: str, ids: npt.NDArray[np.int64], wrong: npt.NDArray[np.bool_]) -> str:
    place = tuple(np.argwhere(wrong)[0].tolist())
    return f"{name}{list(place) if place else ''} is {ids[place]}"


def _span(ids: npt.NDArray[np.int64]) -> str:
    return f"{ids.min()}..{ids.max()}"
