"""The network that all heads share: what it must do, and a small transformer that does it."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.condition import Condition

Past = list[tuple[Tensor, Tensor]]
"""Keys and values of the tokens so far, by layer, `[B, heads, L, width / heads]`."""


class Trunk(Protocol):
    """Tokens to tokens, given what was observed. A language model with its own keys and values fits it too."""

    @property
    def width(self) -> int:
        """Channels of a token."""

    def remember(self, condition: Condition) -> Any:
        """What all passes over the same condition share, such as its keys and values: computed once."""

    def __call__(
        self,
        tokens: Tensor,
        memory: Any,
        *,
        time: Tensor | None = None,
        causal: bool = False,
        past: Past | None = None,
    ) -> Tensor:
        """A pass.

        Args:
            tokens: `[B, L, width]`, positions included.
            memory: What `remember` gave.
            time: `[B]` in [0, 1], for heads that work in steps.
            causal: Whether a token sees only those before it, and itself.
            past: With `causal`: the tokens before these; they are added to it.

        Returns:
            `[B, L, width]`.
        """


class TransformerTrunk(nn.Module):
    """A pre-norm transformer whose tokens look at the condition and at each other in one attention.

    Time shifts and scales what the norms give (adaLN, Peebles and Xie 2023, arXiv 2212.09748), by nothing at the
    beginning of a training.

    Args:
        condition_dim: Channels C of the condition.
        width: Channels of a token, a multiple of twice `heads`.
        layers: How many.
        heads: Of the attention.

    Examples:
        >>> trunk = TransformerTrunk(condition_dim=5, width=16, layers=1, heads=2)
        >>> memory = trunk.remember(Condition.of(torch.zeros(3, 5)))
        >>> trunk(torch.zeros(3, 7, 16), memory).shape
        torch.Size([3, 7, 16])
    """

    def __init__(self, condition_dim: int, *, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        if width < 1 or heads < 1 or layers < 1 or width % (2 * heads):
            raise HeadError(
                f"width {width}, layers {layers}, heads {heads}: expected 1 or more, and the width a multiple of "
                "twice the heads"
            )
        self._width = width
        self.condition = nn.Linear(condition_dim, width)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    @property
    def width(self) -> int:
        """Channels of a token."""
        return self._width

    def get_config(self) -> dict[str, Any]:
        """What its class takes to make a trunk of the same shape, as plain JSON."""
        return {
            "condition_dim": self.condition.in_features,
            "width": self._width,
            "layers": len(self.layers),
            "heads": self.layers[0].heads,
        }

    def remember(self, condition: Condition) -> tuple[Past, Tensor | None]:
        """Keys and values of the condition in every layer, and its mask."""
        tokens = self.condition(condition.tokens)
        return [layer.keys_and_values(tokens) for layer in self.layers], condition.mask

    def forward(
        self,
        tokens: Tensor,
        memory: tuple[Past, Tensor | None],
        *,
        time: Tensor | None = None,
        causal: bool = False,
        past: Past | None = None,
    ) -> Tensor:
        """As `Trunk` says."""
        remembered, mask = memory
        before = past[0][0].shape[2] if past else 0
        seen = _seen(tokens, remembered[0][0].shape[2], mask, before, causal)
        shift = None if time is None else self.time(time_features(time, self._width).to(tokens.dtype))
        added: Past = []
        for place, layer in enumerate(self.layers):
            tokens, own = layer(tokens, remembered[place], past[place] if past else None, seen, shift)
            added.append(own)
        if past is not None:
            past[:] = added
        result: Tensor = self.norm(tokens)
        return result


def time_features(time: Tensor, width: int) -> Tensor:
    """Sines and cosines of a time `[B]` in [0, 1], `[B, width]`, with periods from 4e-3 to 4 as pi0 has them.

    Source: Physical-Intelligence/openpi, `src/openpi/models/pi0.py`.
    """
    time = time if time.dtype == torch.float64 else time.float()
    fractions = torch.linspace(0, 1, width // 2, dtype=time.dtype, device=time.device)
    angles = time[:, None] * (2 * math.pi / (4e-3 * (4.0 / 4e-3) ** fractions))
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _seen(tokens: Tensor, conditions: int, mask: Tensor | None, before: int, causal: bool) -> Tensor | None:
    """Which keys each token sees, bool `[B or 1, 1, L, N + before + L]`; None: all."""
    batch, length, _ = tokens.shape
    if mask is None and not causal:
        return None
    observed = torch.ones(batch, 1, 1, conditions, dtype=torch.bool, device=tokens.device)
    if mask is not None:
        observed = mask[:, None, None]
    own = torch.ones(length, before + length, dtype=torch.bool, device=tokens.device)
    if causal:
        own = own.tril(before)
    shape = (batch, 1, length)
    return torch.cat([observed.expand(*shape, -1), own.expand(*shape, -1)], dim=3)


_NO_CHANGES = (0.0, 0.0, 1.0, 0.0, 0.0, 1.0)
"""Scale, shift and gate of the attention, and of the feed-forward part."""


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.mix = nn.Linear(width, width)
        self.before_feed_forward = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def keys_and_values(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        key, value = self.key_value(self.before_attention(tokens)).chunk(2, dim=2)
        return self._by_head(key), self._by_head(value)

    def forward(
        self,
        tokens: Tensor,
        remembered: tuple[Tensor, Tensor],
        past: tuple[Tensor, Tensor] | None,
        seen: Tensor | None,
        time: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        changes = _NO_CHANGES if time is None else _as_changes(self.modulation(silu(time))[:, None])
        normal = self.before_attention(tokens) * (1 + changes[0]) + changes[1]
        key, value = self.key_value(normal).chunk(2, dim=2)
        own = self._by_head(key), self._by_head(value)
        if past is not None:
            own = torch.cat([past[0], own[0]], dim=2), torch.cat([past[1], own[1]], dim=2)
        found = scaled_dot_product_attention(
            self._by_head(self.query(normal)),
            torch.cat([remembered[0], own[0]], dim=2),
            torch.cat([remembered[1], own[1]], dim=2),
            attn_mask=seen,
        )
        tokens = tokens + changes[2] * self.mix(found.transpose(1, 2).flatten(2))
        normal = self.before_feed_forward(tokens) * (1 + changes[3]) + changes[4]
        return tokens + changes[5] * self.feed_forward(normal), own

    def _by_head(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _as_changes(modulation: Tensor) -> tuple[Tensor, ...]:
    """What a time changes, as in `_NO_CHANGES`, which is what it is at the beginning of a training."""
    scale, shift, gate, second_scale, second_shift, second_gate = modulation.chunk(6, dim=2)
    return scale, shift, 1 + gate, second_scale, second_shift, 1 + second_gate
