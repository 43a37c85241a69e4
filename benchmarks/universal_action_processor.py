"""The published processor class, restated: what `processing_action_tokenizer.py` of the hub does, with its calls.

It stands in for the remote code of `physical-intelligence/fast`, and depends on nothing of this package.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.fft
from transformers import ProcessorMixin


class UniversalActionProcessor(ProcessorMixin):  # type: ignore[misc]  # transformers has no types here
    """DCT, rounding, `chr`, and a text tokenizer; a sequence that does not decode becomes zeros."""

    attributes: ClassVar[list[str]] = ["bpe_tokenizer"]
    bpe_tokenizer_class: str = "AutoTokenizer"

    def __init__(
        self,
        bpe_tokenizer: Any,
        scale: float = 10,
        vocab_size: int = 1024,
        min_token: int = 0,
        *,
        action_dim: int | None = None,
        time_horizon: int | None = None,
    ) -> None:
        self.scale = scale
        self.vocab_size = vocab_size
        self.min_token = min_token
        self.time_horizon = time_horizon
        self.action_dim = action_dim
        super().__init__(bpe_tokenizer)

    def __call__(self, action_chunk: Any) -> list[list[int]]:
        """`[H, D]` or `[B, H, D]` to lists of ids; the shape is remembered for `decode`."""
        if action_chunk.ndim == 2:
            action_chunk = action_chunk[None, ...]
        self.time_horizon, self.action_dim = action_chunk.shape[1:]
        rounded = np.around(scipy.fft.dct(action_chunk, axis=1, norm="ortho") * self.scale)
        texts = ["".join(map(chr, np.maximum(one.flatten() - self.min_token, 0).astype(int))) for one in rounded]
        return [self.bpe_tokenizer(text)["input_ids"] for text in texts]

    def decode(self, tokens: Any, *, time_horizon: int | None = None, action_dim: int | None = None) -> Any:
        """Lists of ids to `[B, H, D]`."""
        horizon, dim = time_horizon or self.time_horizon, action_dim or self.action_dim
        return np.stack([self._decode_one(sequence, horizon, dim) for sequence in tokens])

    def _decode_one(self, sequence: Any, horizon: Any, dim: Any) -> Any:
        try:
            text = self.bpe_tokenizer.decode(sequence)
            coefficients = (np.array(list(map(ord, text))) + self.min_token).reshape(-1, dim)
            if coefficients.shape != (horizon, dim):
                raise ValueError(f"{coefficients.shape} instead of {(horizon, dim)}")
        except Exception as error:
            print(f"not decoded: {error}")
            coefficients = np.zeros((horizon, dim))
        return scipy.fft.idct(coefficients / self.scale, axis=0, norm="ortho")
