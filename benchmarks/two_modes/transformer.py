"""A small transformer over the ids of a chunk, given its goal; bidirectional or causal."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

_WIDTH, _HEADS, _LAYERS = 64, 4, 3

Cache = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, `[B, heads, positions so far, width / heads]`."""


class ChunkTransformer(nn.Module):
    """Ids and a goal to logits.

    Args:
        ids: How many ids it reads: those of actions, pad, eos and mask.
        outputs: How many it writes: the first so many.
        length: L, positions of a chunk.
        goal_dim: Numbers of a goal, which becomes a token before the others.
        causal: Whether a position sees only those before it. Its logits are then of the id at the position
            itself, as the goal's token stands in front.
    """

    def __init__(self, ids: int, outputs: int, length: int, goal_dim: int, *, causal: bool) -> None:
        super().__init__()
        self.length = length
        self.causal = causal
        self.ids = nn.Embedding(ids, _WIDTH)
        self.goal = nn.Sequential(nn.Linear(goal_dim, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, _WIDTH))
        self.places = nn.Parameter(0.02 * torch.randn(1 + length, _WIDTH))
        self.layers = nn.ModuleList(_Layer() for _ in range(_LAYERS))
        self.head = nn.Sequential(nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, outputs))
        nn.init.normal_(self.ids.weight, std=0.02)

    def forward(self, ids: Tensor, goals: Tensor) -> Tensor:
        """Logits `[B, L, outputs]` for ids `[B, L]` and goals `[B, goal_dim]`."""
        hidden = torch.cat([self.goal(goals)[:, None], self.ids(ids)], dim=1) + self.places
        for layer in self.layers:
            hidden = layer(hidden, self.causal, None)
        logits: Tensor = self.head(hidden[:, :-1] if self.causal else hidden[:, 1:])
        return logits

    def generate(self, goals: Tensor, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """Draws ids `[B, L]` one after the other, with keys and values kept: L passes of one position each."""
        caches: list[Cache] = [[] for _ in self.layers]
        drawn: list[Tensor] = []
        with torch.inference_mode():
            hidden = self.goal(goals)[:, None]
            for place in range(self.length):
                hidden = hidden + self.places[place]
                for layer, cache in zip(self.layers, caches, strict=True):
                    hidden = layer(hidden, False, cache)
                chances = (self.head(hidden[:, 0]) / temperature).softmax(dim=1)
                drawn.append(torch.multinomial(chances, 1, generator=generator)[:, 0])
                hidden = self.ids(drawn[-1])[:, None]
        return torch.stack(drawn, dim=1)


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(_WIDTH)
        self.attention = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.mix = nn.Linear(_WIDTH, _WIDTH)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, 4 * _WIDTH), nn.GELU(), nn.Linear(4 * _WIDTH, _WIDTH)
        )

    def forward(self, hidden: Tensor, causal: bool, cache: Cache | None) -> Tensor:
        parts: Any = self.attention(self.before_attention(hidden)).chunk(3, dim=2)
        query, key, value = (part.unflatten(2, (_HEADS, -1)).transpose(1, 2) for part in parts)
        if cache is not None:
            if cache:
                key, value = torch.cat([cache[0][0], key], dim=2), torch.cat([cache[0][1], value], dim=2)
            cache[:] = [(key, value)]
        seen = scaled_dot_product_attention(query, key, value, is_causal=causal)
        hidden = hidden + self.mix(seen.transpose(1, 2).flatten(2))
        return hidden + torch.as_tensor(self.feed_forward(hidden))
