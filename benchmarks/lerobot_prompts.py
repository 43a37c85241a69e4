"""LeRobot 0.4.4's own code for the prompts of pi0_fast, run without the rest of LeRobot.

Real are its steps for state, text and actions, and the method that makes the attention mask. Stand-ins take the
place of what they import and do not use here: configurations, the base class of policies, real-time chunking. Its
packages are entered without their `__init__`, which would import every policy.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import numpy.typing as npt

STAND_INS = (
    "lerobot.configs.policies",
    "lerobot.policies.pi0_fast.configuration_pi0_fast",
    "lerobot.policies.pretrained",
    "lerobot.policies.rtc.modeling_rtc",
)
BARE_PACKAGES = ("processor", "policies", "policies.pi0_fast", "policies.rtc")


class LeRobotPrompts:
    """The steps of pi0_fast.

    Args:
        text_tokenizer: Like PaliGemma's, of transformers.
        action_tokenizer: Called with tensors `[1, H, D]`.
        max_length: Ids of a prompt.
        max_action_tokens: Ids of an answer.
    """

    def __init__(
        self, text_tokenizer: Any, action_tokenizer: Any, max_length: int, max_action_tokens: int
    ) -> None:
        _enter_lerobot()
        from lerobot.policies.pi0_fast import modeling_pi0_fast, processor_pi0_fast
        from lerobot.processor import tokenizer_processor

        transformers: Any = importlib.import_module(
            "transformers"
        )  # of version 4, not the one that is linted with
        self._attention = modeling_pi0_fast.PI0FastPytorch._create_custom_attention_mask_fast
        with tempfile.TemporaryDirectory() as folder:
            transformers.GemmaTokenizerFast(tokenizer_object=text_tokenizer.backend_tokenizer).save_pretrained(
                folder
            )
            self.text_tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            self._steps = [
                processor_pi0_fast.Pi0FastPrepareStateAndLanguageTokenizerProcessorStep(),
                tokenizer_processor.TokenizerProcessorStep(tokenizer=self.text_tokenizer, max_length=max_length),
                tokenizer_processor.ActionTokenizerProcessorStep(
                    action_tokenizer_input_object=action_tokenizer,
                    max_action_tokens=max_action_tokens,
                    paligemma_tokenizer_name=folder,
                ),
            ]

    def arrays(
        self, instructions: Sequence[str], states: npt.NDArray[Any], actions: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Tokens, padding mask, attention mask `[B, L, L]` and loss mask of a batch."""
        import torch

        transition: Any = {
            "observation": {"observation.state": torch.from_numpy(states)},
            "complementary_data": {"task": list(instructions)},
            "action": torch.from_numpy(actions),
        }
        for step in self._steps:
            transition = step(transition)
        prompt, answer = transition["observation"], transition["complementary_data"]
        prompt_mask = prompt["observation.language.attention_mask"]
        masks = torch.cat([prompt_mask, answer["action.token_mask"]], dim=1)
        widths = [("language", prompt_mask.shape[1]), ("fast", answer["action.token_mask"].shape[1])]
        attention = self._attention(None, widths, masks, len(masks))
        # Its loss leaves out the first target, and masks the others by the padding (`forward` in the same file).
        loss_mask = np.array(masks)
        loss_mask[:, : widths[0][1] + 1] = False
        tokens = torch.cat([prompt["observation.language.tokens"], answer["action.tokens"]], dim=1)
        return tokens.numpy(), masks.numpy(), attention.numpy(), loss_mask


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in STAND_INS else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return MagicMock(name=spec.name, __spec__=spec)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing to run."""


def _enter_lerobot() -> None:
    if "lerobot.processor" in sys.modules:
        return
    found = importlib.util.find_spec("lerobot")
    if found is None or found.submodule_search_locations is None:
        raise SystemExit("--lerobot needs LeRobot: pip install --no-deps lerobot==0.4.4")
    sys.meta_path.insert(0, _StandIns())
    for name in BARE_PACKAGES:
        package: Any = types.ModuleType(f"lerobot.{name}")
        package.__path__ = [str(Path(found.submodule_search_locations[0], *name.split(".")))]
        sys.modules[package.__name__] = package
    # What `lerobot.processor` would have gathered from its modules; steps that are not run are stand-ins.
    processor: Any = sys.modules["lerobot.processor"]
    for name in ("core", "pipeline", "tokenizer_processor"):
        vars(processor).update(
            (key, value)
            for key, value in vars(importlib.import_module(f"lerobot.processor.{name}")).items()
            if not key.startswith("_")
        )
    processor.__getattr__ = lambda name: MagicMock(name=name)
