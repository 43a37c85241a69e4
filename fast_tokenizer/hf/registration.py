"""Making AutoTokenizer and AutoProcessor find the classes by the names in a directory's files."""

from __future__ import annotations

from typing import ClassVar

from transformers import AutoProcessor, AutoTokenizer, PretrainedConfig

from fast_tokenizer.hf.action_processor import FastActionProcessor
from fast_tokenizer.hf.action_tokenizer import FastActionTokenizer


class FastActionConfig(PretrainedConfig):  # type: ignore[misc]  # transformers has no types here
    """The key under which the classes are registered: transformers wants one, and no file has it."""

    model_type: ClassVar = "fast_action_tokenizer"


class PublishedConfig(PretrainedConfig):  # type: ignore[misc]
    """Likewise for the published name."""

    model_type: ClassVar = "universal_action_processor"


class UniversalActionProcessor(FastActionProcessor):
    """Ours, under the class name that published directories ask for."""


def register() -> None:
    """Makes both Auto classes load saved directories, whatever `trust_remote_code` is."""
    AutoTokenizer.register(FastActionConfig, slow_tokenizer_class=FastActionTokenizer, exist_ok=True)
    AutoProcessor.register(FastActionConfig, FastActionProcessor, exist_ok=True)


def register_published_name() -> None:
    """Makes `AutoProcessor.from_pretrained("physical-intelligence/fast")` give a `FastActionProcessor`.

    From transformers 5.5 on whatever `trust_remote_code` is; in earlier versions only where it is not True, for
    there the code of the repository comes first. It holds until the process ends, for every directory that asks
    for a class named `UniversalActionProcessor`.
    """
    AutoProcessor.register(PublishedConfig, UniversalActionProcessor, exist_ok=True)
