"""Constraints in `generate()` of transformers: only ids that lead to an action, and a stop where it is complete.

Needs torch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from transformers.generation import LogitsProcessor, StoppingCriteria

from fast_tokenizer.constraint import ActionConstraint, ConstraintState
from fast_tokenizer.vocabulary_map import VocabularyMap


class ActionLogitsProcessor(LogitsProcessor):  # type: ignore[misc]
    """Leaves each row the ids that its action may go on with. For greedy search, sampling and beams.

    It keeps nothing between steps, so that beams may change places.

    Args:
        constraint: What `codec.constraint(horizon, action_dim)` made.
        vocabulary_map: Where the action ids lie in the model's vocabulary.
        prompt_length: Ids before the first one that is generated, as `generate` counts them: the width of its
            `input_ids`, 0 where it was given embeddings only. Prompts of a batch are padded on the left.

    Examples:
        ::

            constraint = tokenizer.codec.constraint(horizon, action_dim)
            arguments = constraint, vocabulary_map, prompt["input_ids"].shape[1]
            ids = model.generate(
                **prompt,
                max_new_tokens=4 * constraint.length,
                logits_processor=[ActionLogitsProcessor(*arguments)],
                stopping_criteria=[ActionStoppingCriteria(*arguments)],
            )
    """

    def __init__(self, constraint: ActionConstraint, vocabulary_map: VocabularyMap, prompt_length: int) -> None:
        self._constraint = constraint
        self._map = vocabulary_map
        self._prompt_length = prompt_length
        special = [-1 if one is None else one for one in (vocabulary_map.pad_id, vocabulary_map.eos_id, None)]
        places = np.append(vocabulary_map.model_ids, special)
        self._known = np.flatnonzero(places >= 0)  # action ids that the model has an id for
        self._columns = torch.from_numpy(places[self._known])

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Gives minus infinity to what is not allowed.

        Args:
            input_ids: `[B, L]`.
            scores: `[B, V]`, of the next id.
        """
        if scores.shape[1] <= int(self._columns.max()):
            raise ValueError(
                f"the model scores {scores.shape[1]} ids, and actions go up to id {int(self._columns.max())}: "
                "resize its embeddings, or use another map"
            )
        state = _state(self._constraint, self._map, input_ids[:, self._prompt_length :])
        mask = self._constraint.allowed_mask(state)[:, self._known]
        # A row that has ended may have no id to go on with, if the model has no padding; it is not read again.
        mask[~mask.any(axis=1)] = True
        columns = self._columns.to(scores.device)
        allowed = torch.from_numpy(mask).to(scores.device)
        constrained = torch.full_like(scores, -torch.inf)
        constrained[:, columns] = scores[:, columns].masked_fill(~allowed, -torch.inf)
        return constrained


class ActionStoppingCriteria(StoppingCriteria):  # type: ignore[misc]
    """Ends each row where its action is complete.

    Args:
        constraint: As in `ActionLogitsProcessor`.
        vocabulary_map: Likewise.
        prompt_length: Likewise.
    """

    def __init__(self, constraint: ActionConstraint, vocabulary_map: VocabularyMap, prompt_length: int) -> None:
        self._constraint = constraint
        self._map = vocabulary_map
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **unused: object) -> torch.Tensor:
        """Says which rows are done, bool `[B]`."""
        state = _state(self._constraint, self._map, input_ids[:, self._prompt_length :])
        return torch.from_numpy(state.complete).to(input_ids.device)


def _state(
    constraint: ActionConstraint, vocabulary_map: VocabularyMap, generated: torch.Tensor
) -> ConstraintState:
    model_ids: npt.NDArray[np.int64] = generated.cpu().numpy()
    ids = np.full(model_ids.shape, -1, np.int32)
    known = vocabulary_map.is_action(model_ids)
    ids[known] = vocabulary_map.to_action(model_ids[known])
    return constraint.progress(ids)
