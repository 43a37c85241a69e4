"""What an action is predicted from: the tokens of a model that looked at the observation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fast_tokenizer.errors import HeadError


@dataclass(frozen=True, eq=False)
class Condition:
    """Tokens of an observation, such as the last hidden states of a language model.

    Attributes:
        tokens: `[B, N, C]`, floating.
        mask: bool `[B, N]`, true where there is a token; None: everywhere.

    Raises:
        HeadError: If shapes or types are not these, a row has no token, or one holds NaN or infinity.

    Examples:
        >>> Condition.of(torch.zeros(2, 5)).tokens.shape  # a vector for each row is one token
        torch.Size([2, 1, 5])
    """

    tokens: Tensor
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        if self.tokens.ndim != 3 or not self.tokens.is_floating_point():
            raise HeadError(
                f"condition has {self.tokens.dtype} tokens of shape {list(self.tokens.shape)}: expected floating "
                "[batch, tokens, channels], or Condition.of(vectors [batch, channels])"
            )
        if self.mask is not None and (self.mask.dtype != torch.bool or self.mask.shape != self.tokens.shape[:2]):
            raise HeadError(
                f"condition has a {self.mask.dtype} mask of shape {list(self.mask.shape)}: expected bool "
                f"{list(self.tokens.shape[:2])}"
            )

    @classmethod
    def of(cls, vectors: Tensor) -> Condition:
        """One token for each row of `[B, C]`."""
        if vectors.ndim != 2:
            raise HeadError(f"got vectors of shape {list(vectors.shape)}: expected [batch, channels]")
        return cls(vectors[:, None])

    def __len__(self) -> int:
        """Rows B."""
        return len(self.tokens)

    def require_usable(self) -> None:
        """Raises HeadError, naming the row, where a token that counts is not finite, or none counts.

        It waits for the device, so heads ask for it where they are not compiled.
        """
        counted = torch.ones(self.tokens.shape[:2], dtype=torch.bool, device=self.tokens.device)
        if self.mask is not None:
            counted = self.mask
        strange = (~self.tokens.isfinite().all(dim=2) & counted).nonzero()
        if len(strange):
            row, place = strange[0].tolist()
            raise HeadError(f"condition, row {row}, token {place}: holds NaN or infinity: check the encoder")
        alone = (~counted.any(dim=1)).nonzero()
        if len(alone):
            raise HeadError(f"condition, row {int(alone[0])}: its mask leaves no token")
