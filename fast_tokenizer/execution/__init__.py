"""Chunk execution: how a robot carries out the chunks that a policy predicts."""

from fast_tokenizer.errors import ExecutionStopped
from fast_tokenizer.execution.counts import ExecutionCounts
from fast_tokenizer.execution.ensembling import TemporalEnsemble
from fast_tokenizer.execution.executor import ChunkExecutor, hold_last
from fast_tokenizer.execution.prediction import Predict, PredictionContext
from fast_tokenizer.execution.presets import (
    DIFFUSION_POLICY,
    OCTO,
    OPENVLA,
    PI0_20HZ,
    PI0_50HZ,
    ChunkPreset,
)

__all__ = [
    "DIFFUSION_POLICY",
    "OCTO",
    "OPENVLA",
    "PI0_20HZ",
    "PI0_50HZ",
    "ChunkExecutor",
    "ChunkPreset",
    "ExecutionCounts",
    "ExecutionStopped",
    "Predict",
    "PredictionContext",
    "TemporalEnsemble",
    "hold_last",
]
