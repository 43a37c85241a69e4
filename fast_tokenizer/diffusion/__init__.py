"""Masked discrete diffusion: decoding a canvas of masks in a few rounds, and masking ids for training."""

from fast_tokenizer.diffusion.acceptance import ConfidenceFactor, ConfidenceThreshold
from fast_tokenizer.diffusion.context import DecodeContext
from fast_tokenizer.diffusion.loop import decode_masked
from fast_tokenizer.diffusion.masking import MaskedTokens, mask_tokens
from fast_tokenizer.diffusion.orders import GroupedByTimeStep, LowFrequencyFirst
from fast_tokenizer.diffusion.position_constraint import PositionConstraint
from fast_tokenizer.diffusion.remasking import RemaskBelow, RemaskDrop, RemaskTop, ReMDM
from fast_tokenizer.diffusion.result import DecodeRound, MaskedDecodeResult
from fast_tokenizer.diffusion.schedules import Cosine, Power

__all__ = [
    "ConfidenceFactor",
    "ConfidenceThreshold",
    "Cosine",
    "DecodeContext",
    "DecodeRound",
    "GroupedByTimeStep",
    "LowFrequencyFirst",
    "MaskedDecodeResult",
    "MaskedTokens",
    "PositionConstraint",
    "Power",
    "ReMDM",
    "RemaskBelow",
    "RemaskDrop",
    "RemaskTop",
    "decode_masked",
    "mask_tokens",
]
