"""The model as a policy: observations in, chunks of actions out, by `generate()` of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fast_tokenizer import DecodeError
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.hf.generation import ActionLogitsProcessor, ActionStoppingCriteria
from vla.collator import Collator
from vla.language import Language
from vla.simulator import Observation

_TOKENS_A_COEFFICIENT = 4  # at most: a coefficient in UTF-8


@dataclass(frozen=True, eq=False)
class Answers:
    """What the model generated.

    Attributes:
        chunks: float64 `[B, H, D]`; zeros where an answer is no action, as the reference has it.
        valid: bool `[B]`: which answers are an action.
        tokens: int64 `[B]`: tokens of each answer.
    """

    chunks: npt.NDArray[np.float64]
    valid: npt.NDArray[np.bool_]
    tokens: npt.NDArray[np.int64]


class Policy:
    """Answers observations with the most likely tokens.

    Args:
        model: A PaliGemma model.
        collator: Makes its arguments.
        language: Reads what it wrote.
        constraint: Of the chunks that it is to write.
        constrained: Whether the constraint is applied.
    """

    def __init__(
        self, model: Any, collator: Collator, language: Language, constraint: ActionConstraint, constrained: bool
    ) -> None:
        self._model = model
        self._collator = collator
        self._language = language
        self._constraint = constraint
        self._constrained = constrained

    def act(self, observations: Sequence[Observation]) -> Answers:
        """A chunk for each observation."""
        images = np.stack([one.image for one in observations])
        states = np.stack([one.state for one in observations])
        prompt = self._collator.generation(images, states)
        length = prompt["input_ids"].shape[1]
        arguments = self._constraint, self._language.vocabulary_map, length
        constraint = {
            "logits_processor": [ActionLogitsProcessor(*arguments)],
            "stopping_criteria": [ActionStoppingCriteria(*arguments)],
        }
        with torch.inference_mode():
            sequences = self._model.generate(
                **prompt,
                do_sample=False,
                max_new_tokens=_TOKENS_A_COEFFICIENT * self._constraint.length,
                **(constraint if self._constrained else {}),
            )
        answers = [self._read(row) for row in sequences[:, length:].numpy()]
        return Answers(*(np.stack(column) for column in zip(*answers, strict=True)))

    def _read(self, row: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], bool, int]:
        """The chunk, whether it is one, and the tokens that it took without padding."""
        shape = self._constraint.horizon, self._constraint.action_dim
        tokens = int((row != self._language.vocabulary_map.pad_id).sum())
        try:
            chunk = self._language.builder.extract_actions(row, horizon=shape[0], action_dim=shape[1])[0]
        except DecodeError:
            return np.zeros(shape), False, tokens
        return chunk, True, tokens
