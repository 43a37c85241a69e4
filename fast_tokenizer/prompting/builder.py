"""Prompts with actions for a language model, and the actions of what it generated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Actions, as_chunks
from fast_tokenizer.decoding import ErrorPolicy, check_policy
from fast_tokenizer.errors import EncodeError, FastTokenizerError
from fast_tokenizer.prompting.action_tokens import ActionTokenizer, decode_lists, encode_chunks, whole_prefix
from fast_tokenizer.prompting.answer import Answer
from fast_tokenizer.prompting.batch import Block, Part, PromptBatch
from fast_tokenizer.prompting.formats import PromptFormat, widen
from fast_tokenizer.text_tokenizer import as_text_tokenizer, required
from fast_tokenizer.token_batch import as_sequences
from fast_tokenizer.vocabulary_map import VocabularyMap

OverflowPolicy: TypeAlias = Literal["raise", "shorten", "cut"]
"""What to do with a sequence that is too long. `raise` is an error. `shorten` leaves out the last action ids,
in FAST the high frequencies, and keeps whole coefficients and the end of the answer, so that
`extract_actions(..., errors="repair")` gives the coarse motion. `cut` is what openpi, LeRobot and OpenVLA do: ids
beyond the length are lost, the end of the answer among them. The batch says in `dropped` how many were lost."""


class PromptBuilder:
    """Instructions, states and actions as tokens of a language model, and back.

    Args:
        prompt_format: One of `fast_tokenizer.prompting`, or one's own.
        text_tokenizer: The language model's: of transformers, or a SentencePieceProcessor.
        action_tokenizer: A `FastTokenizer`, a codec, or a processor with the same calls; not for a format without
            action ids.
        vocabulary_map: Where the action ids lie in the language model; likewise.

    Raises:
        FastTokenizerError: If the text tokenizer lacks a token that the format needs, or an id that the format
            writes is also that of an action.

    Examples:
        pi0-FAST, with a SentencePieceProcessor of PaliGemma::

            places = VocabularyMap.from_tokenizer(paligemma, "tail", size=len(tokenizer))
            builder = PromptBuilder(PI0_FAST, paligemma, tokenizer, places)
            batch = builder.build(instructions, states, actions)
            actions = builder.extract_actions(generated_ids, horizon=10, action_dim=7)
    """

    def __init__(
        self,
        prompt_format: PromptFormat,
        text_tokenizer: Any,
        action_tokenizer: ActionTokenizer | None = None,
        vocabulary_map: VocabularyMap | None = None,
    ) -> None:
        self._format = prompt_format
        self._text = as_text_tokenizer(text_tokenizer)
        self._bos_id = required(self._text.bos_id, "beginning of a sequence")
        pad_id = self._text.pad_id if prompt_format.pad_id is None else prompt_format.pad_id
        self._pad_id = required(pad_id, "padding")
        self._action_tokenizer: Any = action_tokenizer
        self._vocabulary_map = vocabulary_map
        self._answer: Answer | None = None
        if prompt_format.has_answer:
            if action_tokenizer is None or vocabulary_map is None:
                raise FastTokenizerError(
                    "the format writes action ids: expected an action_tokenizer and a vocabulary_map"
                )
            self._answer = Answer(prompt_format, self._text, vocabulary_map, self._pad_id)

    @property
    def prompt_format(self) -> PromptFormat:
        """How sequences are written."""
        return self._format

    @property
    def vocabulary_map(self) -> VocabularyMap | None:
        """Where the action ids lie in the language model; None where the format has none."""
        return self._vocabulary_map

    def build(
        self,
        instructions: str | Sequence[str],
        states: Actions | None = None,
        actions: Actions | None = None,
        *,
        action_is_pad: npt.ArrayLike | None = None,
        on_overflow: OverflowPolicy = "raise",
    ) -> PromptBatch:
        """Builds a batch: with actions for training, without them for generation.

        Args:
            instructions: One, or B of them.
            states: `[B, S]`, or `[S]` for one; normalised to about [-1, 1]. Not looked at where the format does
                not write them.
            actions: `[B, H, D]`, or `[H, D]` for one; normalised to about [-1, 1]. Not looked at where the format
                has no action ids.
            action_is_pad: bool `[B, H]`, or `[H]`: steps that are padding, as those after the end of an episode.
                They are encoded like the others; the batch hands the mask on.
            on_overflow: What to do with a sequence that is too long.

        Raises:
            EncodeError: If states or actions are not finite numbers of such shapes, one for each instruction, or
                if a sequence is too long. No policy but `"cut"` shortens a prompt.
        """
        if on_overflow not in get_args(OverflowPolicy):
            raise ValueError(f"on_overflow is {on_overflow!r}: expected 'raise', 'shorten' or 'cut'")
        prompts = self._prompts([instructions] if isinstance(instructions, str) else instructions, states)
        if on_overflow != "cut":
            self._require_room(prompts)
        dropped, clipped = np.zeros(len(prompts), np.int64), np.zeros(len(prompts), bool)
        if actions is None or self._answer is None:
            return self._batch(prompts, None, dropped, clipped, None)
        chunks = as_chunks(actions)
        _require_count("chunks of actions", len(chunks), len(prompts))
        is_pad = _padded_cells(chunks.shape, self._format.action_dim, action_is_pad)
        chunks = widen(chunks, self._format.action_dim, "actions")
        lists, clipped = encode_chunks(self._action_tokenizer, chunks)
        answers = []
        for row, ids in enumerate(lists):
            kept = len(ids)
            if on_overflow != "cut":
                room = self._room(prompts[row]) - self._answer.overhead
                kept = self._kept(row, ids, room, chunks.shape[1:], on_overflow)
            dropped[row] = len(ids) - kept
            answers.append(self._answer.write(ids[:kept]))
        return self._batch(prompts, answers, dropped, clipped, is_pad)

    def extract_ids(self, ids: object, *, errors: ErrorPolicy = "strict") -> list[list[int]]:
        """Finds the action ids in what a model generated; no id goes through a string.

        Args:
            ids: Of the language model: an array `[B, L]`, lists, or one flat sequence. Whole sequences will do
                where the format has an `answer_start`; for others (OpenVLA) give what follows the prompt.
            errors: What to do where the start of the answer is missing, or an id in it is no action's: `"strict"`
                raises, `"repair"` keeps the ids before it, `"zeros"` keeps none.

        Raises:
            DecodeError: If `errors="strict"` and a sequence is no answer.
        """
        check_policy(errors)
        if self._answer is None:
            raise FastTokenizerError("this format has no action ids: its actions come from elsewhere")
        flat, offsets = as_sequences(ids)
        rows = (flat[begin:end] for begin, end in pairwise(offsets.tolist()))
        return [self._answer.read(row, sequence, errors) for sequence, row in enumerate(rows)]

    def extract_actions(
        self, ids: object, *, horizon: int, action_dim: int, errors: ErrorPolicy = "strict"
    ) -> npt.NDArray[np.float64]:
        """Decodes what a model generated.

        Args:
            ids: As in `extract_ids`.
            horizon: Steps of a chunk.
            action_dim: Dimensions of an action, without those that the format adds.
            errors: As in `extract_ids`, and for the decoding. The published processor knows no policy and goes on
                giving zeros.

        Returns:
            float64 `[B, H, D]`.

        Raises:
            DecodeError: If `errors="strict"` and a sequence is not an answer of this shape.
        """
        lists = self.extract_ids(ids, errors=errors)
        width = action_dim if self._format.action_dim is None else self._format.action_dim
        return decode_lists(self._action_tokenizer, lists, horizon, width, errors)[..., :action_dim]

    def _prompts(self, instructions: Sequence[str], states: Actions | None) -> list[Part]:
        values: Any = [None] * len(instructions)
        if states is not None and self._format.writes_state:
            values = _as_states(states)
            _require_count("states", len(values), len(instructions))
        texts = [self._format.prompt(*pair) for pair in zip(instructions, values, strict=True)]
        encoded = ([self._bos_id, *self._text.encode(text)] for text in texts)
        return [Part(ids, self._format.causal_prompt, len(ids)) for ids in encoded]

    def _require_room(self, prompts: Sequence[Part]) -> None:
        for row, prompt in enumerate(prompts):
            if len(prompt.ids) > self._format.max_length:
                raise EncodeError(
                    f"the prompt takes {len(prompt.ids)} ids, more than max_length {self._format.max_length}: "
                    "give a shorter instruction, or raise max_length",
                    row,
                )

    def _room(self, prompt: Part) -> int:
        if self._format.max_answer_length is not None:
            return self._format.max_answer_length
        return self._format.max_length - len(prompt.ids)

    def _kept(self, row: int, ids: list[int], room: int, shape: Sequence[int], on_overflow: OverflowPolicy) -> int:
        """How many of a chunk's ids are written."""
        if len(ids) <= room:
            return len(ids)
        kept = 0
        if on_overflow == "shorten" and room > 0:
            kept = whole_prefix(self._action_tokenizer, ids, room, *shape)
        if not kept:
            raise EncodeError(
                f"the actions take {len(ids)} ids, and there is room for {max(room, 0)}: raise the lengths of the "
                'format, encode with a lower scale, or, where some fit, use on_overflow="shorten"',
                row,
            )
        return kept

    def _batch(
        self,
        prompts: list[Part],
        answers: list[Part] | None,
        dropped: npt.NDArray[np.int64],
        clipped: npt.NDArray[np.bool_],
        is_pad: npt.NDArray[np.bool_] | None,
    ) -> PromptBatch:
        length, answer_length = self._format.max_length, self._format.max_answer_length
        if answers is None:
            blocks = [self._block([[prompt] for prompt in prompts], length)]
        elif answer_length is None:
            blocks = [self._block([[*pair] for pair in zip(prompts, answers, strict=True)], length)]
        else:
            blocks = [
                self._block([[prompt] for prompt in prompts], length),
                self._block([[answer] for answer in answers], answer_length),
            ]
        width = blocks[0].tokens.shape[1]
        lengths = [len(prompt.ids) if answer_length is None else width for prompt in prompts]
        return PromptBatch(
            tokens=np.hstack([block.tokens for block in blocks]),
            padding_mask=np.hstack([block.padding_mask for block in blocks]),
            ar_mask=np.hstack([block.ar_mask for block in blocks]),
            loss_mask=np.hstack([block.loss_mask for block in blocks]),
            answer_start=np.minimum(np.array(lengths, np.int64), width),
            dropped=dropped + sum(block.dropped for block in blocks),
            clipped=clipped,
            action_is_pad=is_pad,
        )

    def _block(self, rows: Sequence[Sequence[Part]], max_length: int) -> Block:
        return Block.of(rows, max_length, self._format.pads_to_max_length, self._pad_id)


def _as_states(states: Any) -> npt.NDArray[Any]:
    # A torch tensor in any precision, with or without a gradient; double holds them all.
    array = np.asarray(states.detach().cpu().double() if hasattr(states, "detach") else states)
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise EncodeError(f"states have shape {array.shape} and type {array.dtype}: expected real numbers [B, S]")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise EncodeError(
            "a number of the state is NaN or infinite: expected finite numbers", int(finite.argmin())
        )
    return array


def _padded_cells(
    shape: Sequence[int], width: int | None, action_is_pad: npt.ArrayLike | None
) -> npt.NDArray[np.bool_]:
    """`[B, H, width]`: the steps that are said to be padding, and the dimensions that are added."""
    batch, horizon, dim = shape
    steps = np.zeros((batch, horizon), bool) if action_is_pad is None else np.array(action_is_pad, bool, ndmin=2)
    if steps.shape != (batch, horizon):
        raise EncodeError(f"action_is_pad has shape {steps.shape}: expected {(batch, horizon)} for these actions")
    added = np.arange(dim if width is None else width) >= dim
    cells: npt.NDArray[np.bool_] = steps[:, :, None] | added
    return cells


def _require_count(name: str, got: int, expected: int) -> None:
    if got != expected:
        raise EncodeError(f"got {got} {name} for {expected} instruction(s): expected one for each")
