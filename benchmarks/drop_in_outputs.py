"""The part of drop_in_lerobot.py that runs beside LeRobot: one tokenizer's outputs in the stacks of others.

    python drop_in_outputs.py MATERIAL DIRECTORY OUTPUT

Loads DIRECTORY by AutoProcessor, as LeRobot and openpi do, and writes what their code makes of the chunks. Real
code of LeRobot: `ActionTokenizerProcessorStep`, and `detokenize_actions` of the pi0_fast policy. Two things are
stubbed: modules that this code imports but does not use (data sets, motors, images, another policy), and the text
tokenizer of PaliGemma, which is not free to download; the stub has its size and gives every id a name.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

UNUSED = (
    *("accelerate", "datasets", "deepdiff", "imageio", "serial", "torchvision"),
    *("lerobot.datasets", "lerobot.policies.groot"),
)
PALIGEMMA_SIZE = 257_152
SKIPPED = 128  # ids at the end of PaliGemma's vocabulary that hold no actions
LONGEST = 4096


class Unused(types.ModuleType):
    """A module of which only names are asked for: each is a class that does nothing."""

    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        options = {"__init__": lambda self, *arguments, **options: None}
        return type(name, (), {**options, "__class_getitem__": classmethod(lambda cls, item: cls)})


class UnusedFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that are not used."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """A spec for those modules, and for what is in them."""
        unused = any(f"{name}.".startswith(f"{one}.") for one in UNUSED)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if unused else None

    def create_module(self, spec: Any) -> types.ModuleType:
        """The stub."""
        return Unused(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""


class TextTokenizer:
    """As much of PaliGemma's tokenizer as the stacks use."""

    vocab_size = PALIGEMMA_SIZE
    bos_token_id = 2
    names = {1: "<eos>", 2: "<bos>", 4022: "Action", 235292: ":", 235248: " ", 235371: "|"}  # noqa: RUF012

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """The two texts that are ever encoded."""
        ids = {"Action: ": [4022, 235292, 235248], "|": [235371]}[text]
        return ids + [1] * add_special_tokens

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """A name for every id."""
        return [self.names.get(one, f"<{one}>") for one in ids]

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """The ids of names."""
        known = {name: one for one, name in self.names.items()}
        return [known[token] if token in known else int(token[1:-1]) for token in tokens]


def lerobot_outputs(processor: Any, chunks: Any) -> tuple[Any, Any]:
    """Tokens and mask of the processor step, and actions of the policy's decoder."""
    import torch
    from lerobot.policies.pi0_fast.modeling_pi0_fast import PI0FastPolicy
    from lerobot.processor import tokenizer_processor
    from lerobot.processor.core import TransitionKey

    text = TextTokenizer()
    tokenizer_processor.AutoTokenizer = types.SimpleNamespace(from_pretrained=lambda *names, **options: text)
    step = tokenizer_processor.ActionTokenizerProcessorStep(
        action_tokenizer_input_object=processor, max_action_tokens=LONGEST, fast_skip_tokens=SKIPPED
    )
    transition = step({TransitionKey.ACTION: torch.tensor(chunks)})
    data = transition[TransitionKey.COMPLEMENTARY_DATA]
    tokens, mask = (data[key] for key in ("action.tokens", "action.token_mask"))
    policy = types.SimpleNamespace(
        action_tokenizer=processor,
        _paligemma_tokenizer=text,
        config=types.SimpleNamespace(fast_skip_tokens=SKIPPED, validate_action_token_prefix=True),
    )
    for name in ("_paligemma_tokens_to_act_tokens", "decode_actions_with_fast"):
        setattr(policy, name, types.MethodType(getattr(PI0FastPolicy, name), policy))
    # A model generates what follows <bos>.
    actions = PI0FastPolicy.detokenize_actions(policy, tokens[:, 1:], chunks.shape[1], chunks.shape[2])
    return np.where(mask, tokens, -1), actions.numpy()


def openpi_outputs(processor: Any, chunks: Any) -> tuple[Any, Any]:
    """What openpi's FASTTokenizer does around the processor, restated: `tokenize` and `extract_actions`."""
    tokens = np.full((len(chunks), LONGEST), -1)
    actions = np.zeros(chunks.shape)
    for place, chunk in enumerate(chunks):
        ids = PALIGEMMA_SIZE - 1 - SKIPPED - np.array(processor(chunk[None])[0])
        tokens[place, : len(ids)] = ids
        back = (PALIGEMMA_SIZE - 1 - SKIPPED - ids).tolist()
        actions[place] = processor.decode([back], time_horizon=chunk.shape[0], action_dim=chunk.shape[1])[0]
    return tokens, actions


def main() -> None:
    material, directory, output = map(Path, sys.argv[1:])
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(str(material / directory), trust_remote_code=True)
    sys.meta_path.insert(0, UnusedFinder())
    outputs: dict[str, Any] = {}
    with np.load(material / "chunks.npz") as recordings:
        for name, chunks in recordings.items():
            for stack, run in (("LeRobot", lerobot_outputs), ("openpi", openpi_outputs)):
                tokens, actions = run(processor, chunks)
                outputs |= {f"{stack}/{name}/tokens": tokens, f"{stack}/{name}/actions": actions}
    np.savez(output, **outputs)
    print(type(processor).__module__, "LeRobot", importlib.metadata.version("lerobot"))


if __name__ == "__main__":
    main()
