"""The ids that stand around action ids in an answer: written, and found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.decoding import DecodeStatus, ErrorPolicy
from fast_tokenizer.errors import DecodeError, FastTokenizerError
from fast_tokenizer.prompting.batch import Part
from fast_tokenizer.prompting.formats import PromptFormat
from fast_tokenizer.text_tokenizer import TextTokenizer, required
from fast_tokenizer.vocabulary_map import VocabularyMap


class Answer:
    """The answer of a format: its start, action ids, its end, the end of the sequence.

    Args:
        prompt_format: What stands around the action ids.
        text: Turns that into ids.
        places: Where action ids lie in the language model.
        pad_id: Fills sequences.

    Raises:
        FastTokenizerError: If an id around the action ids is also that of an action.
    """

    def __init__(
        self, prompt_format: PromptFormat, text: TextTokenizer, places: VocabularyMap, pad_id: int
    ) -> None:
        self._places = places
        self._pad_id = pad_id
        self._eos_id = required(text.eos_id, "end of a sequence")
        self._opening = [required(text.bos_id, "beginning of a sequence")] * prompt_format.answer_begins_sequence
        self._start = _encoded(text, prompt_format.answer_start)
        self._end = _encoded(text, prompt_format.answer_end)
        for name, ids in (
            ("answer_start", self._start),
            ("answer_end", self._end),
            ("the end of a sequence", [self._eos_id]),
            ("padding", [pad_id]),
        ):
            for one in np.asarray(ids, np.int64)[places.is_action(ids)].tolist():
                raise FastTokenizerError(
                    f"the id {one} of {name} is also that of action id {places.to_action(one)}: put the actions "
                    "elsewhere, or fit them with a smaller vocabulary"
                )

    @property
    def overhead(self) -> int:
        """Ids of an answer besides those of the actions."""
        return len(self._opening) + len(self._start) + len(self._end) + 1

    def write(self, action_ids: list[int]) -> Part:
        """The ids of the language model for an answer; all are predicted but a beginning of a sequence."""
        ids = [*self._opening, *self._start, *self._places.to_model(action_ids).tolist(), *self._end, self._eos_id]
        return Part(ids, is_causal=True, loss_from=len(self._opening))

    def read(self, row: npt.NDArray[np.int32], sequence: int, errors: ErrorPolicy) -> list[int]:
        """The action ids between start and end of an answer, in what a model generated.

        Args:
            row: Ids of the language model. What follows an end of a sequence is not looked at, nor what stands
                before the start.
            sequence: What an error calls the row.
            errors: As in decoding: `"repair"` keeps the ids before the first that is no action's, `"zeros"` none.

        Raises:
            DecodeError: If `errors="strict"`, and the start is missing or an id between is no action's.
        """
        ends = np.flatnonzero(row == self._eos_id)
        row = row[: ends[0]] if ends.size else row[: 1 + np.flatnonzero(row != self._pad_id).max(initial=-1)]
        starts = _occurrences(self._start, row)
        if not starts.size:
            return _refuse(
                errors, sequence, len(row), DecodeStatus.TOO_SHORT, [], "the start of the answer is missing"
            )
        # The last one: an instruction may hold the same words.
        begin = int(starts[-1]) + len(self._start)
        between = row[begin:]
        if self._end:
            between = between[: _occurrences(self._end, between).min(initial=len(between))]
        wrong = np.flatnonzero(~self._places.is_action(between))
        valid = between[: wrong.min(initial=len(between))]
        action_ids: list[int] = self._places.to_action(valid).tolist()
        if wrong.size:
            message = f"id {between[len(valid)]} is no action's; give what was generated, without the prompt"
            status = DecodeStatus.ID_OUTSIDE_VOCABULARY
            return _refuse(errors, sequence, begin + len(valid), status, action_ids, message)
        return action_ids


def _refuse(
    errors: ErrorPolicy, sequence: int, position: int, status: DecodeStatus, valid: list[int], message: str
) -> list[int]:
    if errors == "strict":
        raise DecodeError(f"sequence {sequence}, position {position}: {message}", sequence, position, status)
    return valid if errors == "repair" else []


def _encoded(text: TextTokenizer, words: str) -> list[int]:
    return text.encode(words) if words else []


def _occurrences(ids: list[int], row: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
    """The places in a row where some ids begin; no ids begin everywhere, and so at its start."""
    if not ids:
        return np.zeros(1, np.int64)
    if len(row) < len(ids):
        return np.empty(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(row, len(ids))
    return np.flatnonzero((windows == ids).all(axis=1))
