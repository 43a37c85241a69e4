"""The contract of all action heads."""

from __future__ import annotations

import inspect
import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.options import as_json
from fast_tokenizer.heads.trunk import Trunk


@dataclass(frozen=True)
class HeadInfo:
    """What kind of head it is.

    Attributes:
        nfe: Passes of the trunk that a sample takes, with the settings that are the default; the most, where they
            depend on what is drawn.
        is_stochastic: Whether samples differ.
        is_joint: Whether all values of a chunk are drawn together, so that they fit each other.
        has_log_prob: Whether it can tell the density of a chunk.
    """

    nfe: int
    is_stochastic: bool
    is_joint: bool
    has_log_prob: bool


class ActionHead(nn.Module, ABC):
    """Chunks of normalised actions `[B, H, D]` from a condition.

    A subclass says how its loss and its samples come about; what every head must check and promise is here.
    Entries that are masked count as zeros before anything is computed: whatever stands there, NaN included,
    changes nothing, and their gradient is exactly zero.

    Args:
        trunk: The network, which is the same for every head.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
    """

    def __init__(self, trunk: Trunk, *, horizon: int, action_dim: int) -> None:
        super().__init__()
        for name, value in (("horizon", horizon), ("action_dim", action_dim)):
            if value < 1:
                raise HeadError(f"{name} is {value}: expected 1 or more")
        self.trunk = trunk
        self.horizon = operator.index(horizon)
        self.action_dim = operator.index(action_dim)

    def loss(
        self,
        condition: Condition,
        actions: Tensor,
        mask: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """What training makes small.

        Args:
            condition: Of B rows.
            actions: `[B, H, D]`, normalised.
            mask: bool, `[B, H]` or `[B, H, D]`, true where there is an action; None: everywhere.
            generator: Of the random numbers, for heads that draw some.

        Returns:
            A scalar in float32: the mean over the entries that are valid.

        Raises:
            HeadError: If shapes or types are not these, nothing is valid, or a valid number is not finite.
        """
        valid = self._valid_entries(condition, actions, mask)
        return self._loss(condition, actions.masked_fill(~valid, 0.0), valid, generator)

    def sample(
        self,
        condition: Condition,
        *,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Chunks `[B, H, D]`, one for each row of the condition, of its type.

        Args:
            condition: Of B rows.
            generator: Of the random numbers; the same one gives the same chunks.
            num_steps: Passes of the trunk, for heads that can take more or fewer; None for the default.
            temperature: How far samples spread; 0 for the likeliest, where a head knows it.

        Raises:
            HeadError: If a number is out of its range, or the condition is not finite.
        """
        self._require_settings(condition, num_steps, temperature)
        with torch.no_grad():
            return self._sample(condition, generator, num_steps, temperature)

    def get_config(self) -> dict[str, Any]:
        """The options that its class made it of, by name, as plain JSON: all but the trunk.

        A head keeps each option under the option's own name.

        Raises:
            HeadError: If an option is of a kind that no file can tell.
        """
        names = [name for name in inspect.signature(type(self)).parameters if name != "trunk"]
        return {name: as_json(name, getattr(self, name)) for name in names}

    @abstractmethod
    def info(self) -> HeadInfo:
        """What kind of head it is."""

    @abstractmethod
    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """The loss of actions `[B, H, D]` that are zero where they are not `valid` `[B, H, D]`."""

    @abstractmethod
    def _sample(
        self,
        condition: Condition,
        generator: torch.Generator | None,
        num_steps: int | None,
        temperature: float,
    ) -> Tensor:
        """As `sample`, of arguments that were checked."""

    def _require_settings(self, condition: Condition, num_steps: int | None, temperature: float) -> None:
        if num_steps is not None and num_steps < 1:
            raise HeadError(f"num_steps is {num_steps}: expected 1 or more")
        if not 0 <= temperature < float("inf"):
            raise HeadError(f"temperature is {temperature}: expected 0 or more")
        if not torch.compiler.is_compiling():
            condition.require_usable()

    def _valid_entries(self, condition: Condition, actions: Tensor, mask: Tensor | None) -> Tensor:
        shape = (len(condition), self.horizon, self.action_dim)
        if tuple(actions.shape) != shape or not actions.is_floating_point():
            raise HeadError(
                f"actions is {actions.dtype} of shape {list(actions.shape)}: expected floating {list(shape)}, as "
                "the condition has so many rows and the head is for such chunks"
            )
        valid = torch.ones(shape, dtype=torch.bool, device=actions.device)
        if mask is not None:
            if mask.dtype != torch.bool or tuple(mask.shape) not in (shape, shape[:2]):
                raise HeadError(
                    f"mask is {mask.dtype} of shape {list(mask.shape)}: expected bool {list(shape[:2])} or "
                    f"{list(shape)}"
                )
            valid = mask[..., None].expand(shape) if mask.ndim == 2 else mask
        if not torch.compiler.is_compiling():
            condition.require_usable()
            require_finite(actions, valid)
        return valid


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """The mean over the valid entries, in float32.

    Examples:
        >>> masked_mean(torch.tensor([1.0, 2.0, 9.0]), torch.tensor([True, True, False]))
        tensor(1.5000)
    """
    return torch.where(valid, values.float(), 0.0).sum() / valid.sum()


def require_finite(actions: Tensor, valid: Tensor, name: str = "actions") -> None:
    """Raises HeadError unless something is valid, and every valid number of `[B, H, D]` is finite."""
    if not bool(valid.any()):
        raise HeadError("mask leaves no action: every entry is masked")
    strange = (~actions.isfinite() & valid).nonzero()
    if len(strange):
        row, step, dimension = strange[0].tolist()
        raise HeadError(f"{name}[{row}, {step}, {dimension}] is not finite: repair it, or mask it")
