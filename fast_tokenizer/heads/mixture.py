"""A mixture of Gaussians over whole chunks."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo, require_finite
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import draw_ids, normal, uniform
from fast_tokenizer.heads.trunk import Trunk

Floats = npt.NDArray[np.float64]

LEAST_STD = 1e-2  # robomimic's class has the same; its configuration's 1e-4 lets the likelihood grow without end

_LOOKED_AT, _RUNS = 4000, 8
"""Of k-means: chunks, and how often it is begun anew."""

_MEANS_APART = 0.5  # at the beginning, of actions in [-1, 1]


class GaussianMixtureHead(ActionHead):
    """K chunks, how likely each is, and how far values spread around it.

    A component is a whole chunk, so that the steps of a sample fit each other. Unlike robomimic's, `log_prob` is
    the same in training and in evaluation: low noise is asked for in `sample`, by its temperature.

    Components begin apart, by chance. In many dimensions one of them is then the nearest to several ways, keeps
    them, and samples what is between: call `begin_at` before training.

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        components: K.

    Attributes:
        centres: `[K, H, D]`, what the network's means are added to: zeros, or what `begin_at` found.

    Examples:
        >>> from fast_tokenizer.heads import TransformerTrunk
        >>> chunks = torch.tensor([-1.0, 1.0]).repeat(50)[:, None, None].expand(-1, 8, 2)
        >>> trunk = TransformerTrunk(5, width=16, heads=2)
        >>> head = GaussianMixtureHead(trunk, horizon=8, action_dim=2, components=2)
        >>> head.begin_at(chunks)
        >>> head.centres[:, 0, 0].sort().values.tolist()
        [-1.0, 1.0]
    """

    def __init__(self, trunk: Trunk, *, horizon: int, action_dim: int, components: int = 5) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        if components < 1:
            raise HeadError(f"components is {components}: expected 1 or more")
        self.components = components
        self.queries = nn.Parameter(0.02 * torch.randn(1 + horizon, trunk.width))
        self.weights = nn.Linear(trunk.width, components)
        self.out = nn.Linear(trunk.width, 2 * components * action_dim)
        self.register_buffer("centres", torch.zeros(components, horizon, action_dim))
        with torch.no_grad():
            means, _ = self.out.bias.view(2, components, action_dim)
            means.normal_(std=_MEANS_APART)

    def begin_at(self, chunks: Tensor | npt.ArrayLike, *, seed: int = 0) -> None:
        """Puts components where chunks are: the centres of k-means, with their shares and spread.

        To be called before training; what the head had learned of means and weights is lost. Source: the anchors
        of MultiPath (Chai et al. 2019, arXiv 1910.05449).

        Args:
            chunks: `[N, H, D]`, normalised, such as are trained on. A few thousand of many are looked at.
            seed: Of which, and of k-means.

        Raises:
            HeadError: If chunks are not for this head, or not finite.
        """
        shown = torch.as_tensor(chunks).detach().cpu().double()
        shape = (self.horizon, self.action_dim)
        if shown.ndim != 3 or not len(shown) or tuple(shown.shape[1:]) != shape:
            raise HeadError(f"chunks has shape {list(shown.shape)}: expected [1 or more, {shape[0]}, {shape[1]}]")
        require_finite(shown, torch.ones_like(shown, dtype=torch.bool), "chunks")
        rng = np.random.default_rng(seed)
        centres, shares, spreads = _clusters(shown.flatten(1).numpy(), self.components, rng)
        # Some is left for the network to take away from the least deviation that there may be.
        by_dimension = np.maximum(spreads.reshape(shape).mean(axis=0) ** 0.5 - LEAST_STD, LEAST_STD)
        with torch.no_grad():
            self.centres.copy_(torch.from_numpy(centres).view(self.centres.shape))
            self.weights.weight.zero_()
            self.weights.bias.copy_(torch.from_numpy(np.log(shares)))
            self.out.weight.zero_()
            means, stds = self.out.bias.view(2, self.components, self.action_dim)
            means.zero_()
            stds.copy_(torch.from_numpy(np.log(np.expm1(by_dimension))).expand(stds.shape))

    def info(self) -> HeadInfo:
        """One pass, of which a component and its noise are drawn."""
        return HeadInfo(nfe=1, is_stochastic=True, is_joint=True, has_log_prob=True)

    def log_prob(self, condition: Condition, actions: Tensor, mask: Tensor | None = None) -> Tensor:
        """The logarithm of the density of the valid entries of each chunk, `[B]`, in float32."""
        valid = self._valid_entries(condition, actions, mask)
        return self._log_prob(condition, actions.masked_fill(~valid, 0.0), valid)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        return -self._log_prob(condition, actions, valid).sum() / valid.sum()

    def _log_prob(self, condition: Condition, actions: Tensor, valid: Tensor) -> Tensor:
        weights, means, stds = self._mixture(condition)
        scores = (actions.float()[:, None] - means) / stds
        densities = -0.5 * scores.square() - stds.log() - 0.5 * math.log(2 * math.pi)
        by_component = torch.where(valid[:, None], densities, 0.0).sum(dim=(2, 3))
        return torch.logsumexp(weights + by_component, dim=1)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        weights, means, stds = self._mixture(condition)
        chosen = draw_ids(weights, temperature, uniform((len(condition),), means, generator))
        rows = torch.arange(len(condition), device=chosen.device)
        noise = normal(means[:, 0].shape, means, generator)
        return (means[rows, chosen] + temperature * stds[rows, chosen] * noise).to(condition.tokens.dtype)

    def _mixture(self, condition: Condition) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of the weights `[B, K]`, means and deviations `[B, K, H, D]`, in float32."""
        memory = self.trunk.remember(condition)
        tokens = self.trunk(self.queries.expand(len(condition), -1, -1), memory)
        parts = self.out(tokens[:, 1:]).float().unflatten(2, (2, self.components, self.action_dim))
        offsets, spreads = parts.permute(2, 0, 3, 1, 4)
        means = offsets + self.centres.float()
        return self.weights(tokens[:, 0]).float().log_softmax(dim=1), means, softplus(spreads) + LEAST_STD


def _clusters(flat: Floats, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """The best of some runs of k-means.

    Returns:
        Centres `[count, N]`, the part of the chunks that is nearest to each, and the mean square of what is left
        of each value, `[N]`. Where there are fewer different chunks than centres some stand at the same place.
    """
    from scipy.cluster.vq import kmeans2

    flat = flat[rng.permutation(len(flat))[:_LOOKED_AT]]
    different = np.unique(flat, axis=0)
    if len(different) <= count:
        centres = different[np.arange(count) % len(different)]
        return centres, np.full(count, 1 / count), np.zeros(flat.shape[1])
    runs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a cluster lost all its chunks: another run is better
        for _ in range(_RUNS):
            centres, nearest = kmeans2(flat, count, minit="++", seed=rng)
            runs.append((float(np.square(flat - centres[nearest]).sum()), centres, nearest))
    _, centres, nearest = min(runs, key=lambda run: run[0])
    shares = (np.bincount(nearest, minlength=count) + 1) / (len(flat) + count)  # of none is 0
    return centres, shares, np.square(flat - centres[nearest]).mean(axis=0)
