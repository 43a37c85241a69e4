"""Observations, and the chunks that should follow, as the tensors of a PaliGemma model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.prompting import PromptBatch
from vla.language import Language

_STATE_NOISE = 0.03  # of states in [-1, 1]

Tensors = dict[str, torch.Tensor]


class Collator:
    """Makes the arguments of `forward` and of `generate`.

    Args:
        language: The ids.
        instruction: What the robot is to do.
        image_tokens: Patches of an image.
        normalizer: Brings states to [-1, 1].
    """

    def __init__(self, language: Language, instruction: str, image_tokens: int, normalizer: Normalizer) -> None:
        self._language = language
        self._instruction = instruction
        self._image_tokens = image_tokens
        self._normalizer = normalizer

    def training(
        self,
        images: npt.NDArray[np.uint8],
        states: npt.NDArray[np.float64],
        chunks: npt.NDArray[np.float64],
        rng: np.random.Generator | None = None,
    ) -> Tensors:
        """A batch to learn from, padded on the right, with labels.

        Args:
            images: `[B, S, S, 3]`.
            states: `[B, STATE_DIM]`.
            chunks: `[B, H, D]`.
            rng: Blurs the states a little: as they are, each tells by itself which example it belongs to, and a
                model that has learned them by heart does not look at the image.
        """
        states = self._normalizer.normalize(states)
        if rng is not None:
            states = states + _STATE_NOISE * rng.normal(size=states.shape)
        batch = self._build(states, chunks)
        # The prompt sees all of itself, the answer what came before: PaliGemma's 0 and 1.
        arrays = {**self._inputs(batch), "labels": self._after_image(batch.labels(), -100)}
        return {**_tensors(arrays), "pixel_values": _pixels(images)}

    def generation(self, images: npt.NDArray[np.uint8], states: npt.NDArray[np.float64]) -> Tensors:
        """A batch to go on from, padded on the left."""
        arrays = self._inputs(self._build(self._normalizer.normalize(states), None))
        # Stable, so that the order of all but the padding stays.
        order = np.argsort(arrays["attention_mask"], axis=1, kind="stable")
        arrays = {name: np.take_along_axis(array, order, axis=1) for name, array in arrays.items()}
        return {**_tensors(arrays), "pixel_values": _pixels(images)}

    def _build(self, states: npt.NDArray[np.float64], chunks: npt.NDArray[np.float64] | None) -> PromptBatch:
        instructions = [self._instruction] * len(states)
        return self._language.builder.build(instructions, states, chunks)

    def _inputs(self, batch: PromptBatch) -> dict[str, npt.NDArray[np.int64]]:
        return {
            "input_ids": self._after_image(batch.tokens, self._language.image_id),
            "attention_mask": self._after_image(batch.padding_mask, 1),
            "token_type_ids": self._after_image(batch.ar_mask, 0),
        }

    def _after_image(self, columns: npt.NDArray[np.generic], fill: int) -> npt.NDArray[np.int64]:
        """Columns of text behind those of the image, which are all the same."""
        widths = ((0, 0), (self._image_tokens, 0))
        return np.pad(columns.astype(np.int64), widths, constant_values=fill)


def _tensors(arrays: dict[str, npt.NDArray[np.int64]]) -> Tensors:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _pixels(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """float32 `[B, 3, S, S]` in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1.0
