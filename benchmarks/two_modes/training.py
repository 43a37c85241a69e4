"""Training on chunks as ids: to fill masks, or to write the next id."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fast_tokenizer.diffusion import mask_tokens
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.vocabulary import ActionVocabulary
from two_modes.task import GOAL_DIM
from two_modes.transformer import ChunkTransformer

_LEARNING_RATE = 3e-3
_WARM_UP_STEPS = 50
_BATCH_SIZE = 64


def train(
    label: str,
    ids: Tensor,
    goals: Tensor,
    vocabulary: ActionVocabulary,
    *,
    outputs: int,
    causal: bool,
    steps: int,
    seed: int,
) -> ChunkTransformer:
    """Trains a model from nothing.

    Args:
        label: What the progress bar says.
        ids: int64 `[N, L]`: chunks.
        goals: float32 `[N, GOAL_DIM]`.
        vocabulary: The ids.
        outputs: How many ids the model may write.
        causal: Whether it is to write the next id; else it is to fill masks.
        steps: Batches.
        seed: Of parameters, batches and masks.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = ChunkTransformer(vocabulary.mask_id + 1, outputs, ids.shape[1], GOAL_DIM, causal=causal)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1, (step + 1) / _WARM_UP_STEPS) * (1 + math.cos(math.pi * step / steps)) / 2,
    )
    losses: list[float] = []
    with ProgressBar(label) as bar:
        for step in range(steps):
            chosen = torch.randint(len(ids), (_BATCH_SIZE,), generator=generator)
            seen, labels = ids[chosen], ids[chosen]
            if not causal:
                seen, labels, _ = mask_tokens(ids[chosen], generator, mask_id=vocabulary.mask_id)
            loss = cross_entropy(model(seen, goals[chosen]).transpose(1, 2), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            rate.step()
            losses.append(loss.item())
            bar.update(step + 1, steps)
    edge = max(1, steps // 20)
    print(f"{label}: loss {np.mean(losses[:edge]):.2f} at first, {np.mean(losses[-edge:]):.2f} at the end")
    model.eval()
    return model
