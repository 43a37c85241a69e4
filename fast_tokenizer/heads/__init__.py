"""Action heads in PyTorch (extra `torch`): from what a model saw to a chunk of actions, each on the same trunk.

Examples:
    >>> import torch
    >>> trunk = TransformerTrunk(condition_dim=32, width=16, layers=1, heads=2)
    >>> head = FlowMatchingHead(trunk, horizon=8, action_dim=7)
    >>> condition = Condition(torch.zeros(3, 5, 32))
    >>> head.loss(condition, torch.zeros(3, 8, 7)).shape, head.sample(condition).shape
    (torch.Size([]), torch.Size([3, 8, 7]))
"""

from fast_tokenizer.heads.action_head import ActionHead, HeadInfo
from fast_tokenizer.heads.autoregressive import AutoregressiveTokensHead, SampleInfo
from fast_tokenizer.heads.averaged_weights import averaged_weights
from fast_tokenizer.heads.binning import BinningHead
from fast_tokenizer.heads.checkpoints import load_head, save_head
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.diffusion import DiffusionHead
from fast_tokenizer.heads.flow_matching import FlowMatchingHead
from fast_tokenizer.heads.masked_diffusion import MaskedDiffusionHead
from fast_tokenizer.heads.mixture import GaussianMixtureHead
from fast_tokenizer.heads.real_time import RealTimeGuidance
from fast_tokenizer.heads.regression import RegressionHead
from fast_tokenizer.heads.trunk import TransformerTrunk, Trunk

__all__ = [
    "ActionHead",
    "AutoregressiveTokensHead",
    "BinningHead",
    "Condition",
    "DiffusionHead",
    "FlowMatchingHead",
    "GaussianMixtureHead",
    "HeadInfo",
    "MaskedDiffusionHead",
    "RealTimeGuidance",
    "RegressionHead",
    "SampleInfo",
    "TransformerTrunk",
    "Trunk",
    "averaged_weights",
    "load_head",
    "save_head",
]
