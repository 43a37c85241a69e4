"""Prompts as openpi, LeRobot and OpenVLA write them: (instruction, state, actions) to tokens, masks, and back."""

from fast_tokenizer.prompting.batch import PromptBatch
from fast_tokenizer.prompting.builder import PromptBuilder
from fast_tokenizer.prompting.formats import LEROBOT_PI0_FAST, OPENVLA, PI0_FAST, PI05, PromptFormat

__all__ = ["LEROBOT_PI0_FAST", "OPENVLA", "PI0_FAST", "PI05", "PromptBatch", "PromptBuilder", "PromptFormat"]
