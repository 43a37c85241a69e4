"""How the projects of the field write a prompt, its state and its actions as one sequence of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import EncodeError

_STATE_BINS = 256


@dataclass(frozen=True)
class PromptFormat:
    """The words around an instruction, a state and actions, and the masks and length of their tokens.

    A sequence is the prompt, after the text tokenizer's beginning of a sequence, and then the answer:
    `answer_start`, the action ids, `answer_end`, the end of the sequence. `dataclasses.replace` makes one's own.

    Attributes:
        template: The prompt, with `{instruction}` and, where the state is written out, `{state}`.
        max_length: Ids of a sequence at most; of the prompt alone where `max_answer_length` is given.
        max_answer_length: Ids of the answer, where prompt and answer are padded each for itself.
        answer_start: Text before the action ids.
        answer_end: Text after the action ids.
        has_answer: Whether the language model predicts action ids at all.
        answer_begins_sequence: Whether a beginning of a sequence stands before `answer_start`, without loss.
        causal_prompt: Whether a token of the prompt attends only to those before it.
        pads_to_max_length: Whether sequences are padded to the lengths above, or to the longest of the batch.
        pad_id: Fills sequences; the text tokenizer's own where None.
        lowercase: Whether the instruction is lowercased.
        strip: Whether white space around the instruction goes.
        replacements: What in the instruction becomes what, in this order.
        state_dim: Narrower states get zeros up to this width.
        action_dim: Narrower actions likewise.
    """

    template: str
    max_length: int
    max_answer_length: int | None = None
    answer_start: str = ""
    answer_end: str = ""
    has_answer: bool = True
    answer_begins_sequence: bool = False
    causal_prompt: bool = False
    pads_to_max_length: bool = True
    pad_id: int | None = 0
    lowercase: bool = False
    strip: bool = True
    replacements: tuple[tuple[str, str], ...] = ()
    state_dim: int | None = None
    action_dim: int | None = None

    @property
    def writes_state(self) -> bool:
        """Whether the state is a part of the prompt."""
        return "{state}" in self.template

    def prompt(self, instruction: str, state: npt.NDArray[Any] | None = None) -> str:
        r"""The text of a prompt.

        Args:
            instruction: What the robot is to do.
            state: `[S]`, normalised to about [-1, 1]; not looked at where the format does not write it.

        Raises:
            EncodeError: If the format writes the state, and there is none or it is too wide.

        Examples:
            >>> PI0_FAST.prompt("Pick_up the Cup ", np.array([-1.0, 0.0, 1.0]))
            'Task: pick up the cup, State: 0 128 255;\n'
        """
        if self.lowercase:
            instruction = instruction.lower()
        if self.strip:
            instruction = instruction.strip()
        for old, new in self.replacements:
            instruction = instruction.replace(old, new)
        if not self.writes_state:
            return self.template.format(instruction=instruction)
        if state is None:
            raise EncodeError("the prompt holds the state: expected states [B, S]")
        digits = " ".join(map(str, _state_bins(widen(state, self.state_dim, "state"))))
        return self.template.format(instruction=instruction, state=digits)


PI0_FAST = PromptFormat(
    template="Task: {instruction}, State: {state};\n",
    max_length=250,
    answer_start="Action: ",
    answer_end="|",
    lowercase=True,
    replacements=(("_", " "),),
)
"""pi0-FAST in openpi: `FASTTokenizer` of `src/openpi/models/tokenizer.py`, lengths of `Pi0FASTConfig`."""

PI05 = PromptFormat(
    template="Task: {instruction}, State: {state};\nAction: ",
    max_length=200,
    has_answer=False,
    replacements=(("_", " "), ("\n", " ")),
)
"""pi0.5 in openpi: `PaligemmaTokenizer` of the same file with a state, lengths of `Pi0Config`. Its actions are no
tokens: they come from the action expert."""

LEROBOT_PI0_FAST = PromptFormat(
    template="Task: {instruction}, State: {state};\n",
    max_length=200,
    max_answer_length=256,
    answer_start="Action: ",
    answer_end="|",
    answer_begins_sequence=True,
    replacements=(("_", " "), ("\n", " ")),
    state_dim=32,
)
"""pi0_fast in LeRobot 0.4: the steps of `policies/pi0_fast/processor_pi0_fast.py`, and the masks that
`modeling_pi0_fast.py` makes of them. The prompt is padded before the answer begins."""

OPENVLA = PromptFormat(
    template="In: What action should the robot take to {instruction}?\nOut: ",
    max_length=2048,
    causal_prompt=True,
    pads_to_max_length=False,
    pad_id=None,
    lowercase=True,
    strip=False,
    replacements=(("<image>", ""),),
)
"""OpenVLA: `RLDSBatchTransform` of `prismatic/vla/datasets/datasets.py` with its `PurePromptBuilder`. The original
writes action ids as text and reads the text again; here they stay ids (`VocabularyMap.tail` with `skip=0`)."""


def widen(values: npt.NDArray[Any], width: int | None, name: str) -> npt.NDArray[Any]:
    """Zeros after the last dimension, up to `width`; None leaves it as it is.

    Raises:
        EncodeError: If there are more dimensions than that.

    Examples:
        >>> widen(np.ones(2), 4, "state").tolist()
        [1.0, 1.0, 0.0, 0.0]
    """
    missing = 0 if width is None else width - values.shape[-1]
    if missing < 0:
        raise EncodeError(f"{name} has {values.shape[-1]} dimensions: expected at most {width}")
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])


def _state_bins(state: npt.NDArray[Any]) -> list[int]:
    """Bins of [-1, 1] by their number, -1 below it and the last one above it, as openpi has them."""
    edges = np.linspace(-1, 1, _STATE_BINS + 1)[:-1]
    bins: list[int] = (np.searchsorted(edges, state, side="right") - 1).tolist()
    return bins
