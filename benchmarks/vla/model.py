"""A PaliGemma model of a million parameters: a SigLIP vision tower, and a Gemma language model behind it."""

from __future__ import annotations

from typing import Any

import torch

from vla.language import Language
from vla.simulator import IMAGE_SIZE

_PATCH_SIZE = 16
_WIDTH = 128
_HEADS = 4
_VISION_LAYERS = 2
_LANGUAGE_LAYERS = 3
# The usual 0.02 is for models ten times as wide: with it this one did not look at the image for a thousand steps.
_INITIALIZER_RANGE = _WIDTH**-0.5

IMAGE_TOKENS = (IMAGE_SIZE // _PATCH_SIZE) ** 2


def untrained_model(language: Language, seed: int) -> Any:
    """A `PaliGemmaForConditionalGeneration` with random parameters."""
    from transformers import (
        GemmaConfig,
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        SiglipVisionConfig,
    )

    vision = SiglipVisionConfig(
        image_size=IMAGE_SIZE,
        patch_size=_PATCH_SIZE,
        hidden_size=_WIDTH,
        intermediate_size=2 * _WIDTH,
        num_hidden_layers=_VISION_LAYERS,
        num_attention_heads=_HEADS,
    )
    text = GemmaConfig(
        vocab_size=language.vocab_size,
        hidden_size=_WIDTH,
        intermediate_size=3 * _WIDTH,
        num_hidden_layers=_LANGUAGE_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=1,
        head_dim=_WIDTH // _HEADS,
        initializer_range=_INITIALIZER_RANGE,
        pad_token_id=language.vocabulary_map.pad_id,
        eos_token_id=language.vocabulary_map.eos_id,
    )
    config = PaliGemmaConfig(
        vision_config=vision,
        text_config=text,
        projection_dim=_WIDTH,
        hidden_size=_WIDTH,
        vocab_size=language.vocab_size,
        image_token_index=language.image_id,
    )
    torch.manual_seed(seed)
    return PaliGemmaForConditionalGeneration(config)
