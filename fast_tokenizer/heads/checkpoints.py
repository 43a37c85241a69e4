"""Heads in files: weights and what they are weights of, in one safetensors file.

The tensors have their names in the head's `state_dict`. The metadata has the key `fast_tokenizer`, of JSON text:

format_version     1
head               the name of its class, and its options
trunk              the name of its class, and, of a `TransformerTrunk`, its options
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from fast_tokenizer.datasets.libraries import reading
from fast_tokenizer.errors import FastTokenizerError, FormatError, HeadError
from fast_tokenizer.heads.action_head import ActionHead
from fast_tokenizer.heads.autoregressive import AutoregressiveTokensHead
from fast_tokenizer.heads.binning import BinningHead
from fast_tokenizer.heads.diffusion import DiffusionHead
from fast_tokenizer.heads.flow_matching import FlowMatchingHead
from fast_tokenizer.heads.masked_diffusion import MaskedDiffusionHead
from fast_tokenizer.heads.mixture import GaussianMixtureHead
from fast_tokenizer.heads.options import from_json
from fast_tokenizer.heads.regression import RegressionHead
from fast_tokenizer.heads.trunk import TransformerTrunk, Trunk
from fast_tokenizer.json_files import errors_within, get_value, require_format
from fast_tokenizer.staged_files import require_writable_file, staged_file

_FORMAT = 1
_KEY = "fast_tokenizer"

# A file can ask for these classes and for no others.
_HEADS: dict[str, type[ActionHead]] = {
    one.__name__: one
    for one in (
        AutoregressiveTokensHead,
        BinningHead,
        DiffusionHead,
        FlowMatchingHead,
        GaussianMixtureHead,
        MaskedDiffusionHead,
        RegressionHead,
    )
}


def save_head(head: ActionHead, path: str | os.PathLike[str]) -> None:
    """Writes a head of this package: its weights, the trunk's among them, and its options.

    A trunk that is no `torch.nn.Module`, such as one that calls a language model kept elsewhere, has no weights
    here. An interruption leaves the file as it was.

    Args:
        head: What to write.
        path: The file, by custom `.safetensors`.

    Raises:
        HeadError: If the head is of another class, or an option is of a kind that no file can tell.
        OSError: If the file cannot be written.

    Examples:
        >>> import tempfile
        >>> from fast_tokenizer.heads import Condition
        >>> head = RegressionHead(TransformerTrunk(5, width=16, layers=1, heads=2), horizon=8, action_dim=7)
        >>> condition = Condition.of(torch.ones(1, 5))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_head(head, f"{folder}/head.safetensors")
        ...     again = load_head(f"{folder}/head.safetensors")
        >>> torch.equal(again.sample(condition), head.sample(condition))
        True
    """
    name, path = type(head).__name__, Path(path)
    if _HEADS.get(name) is not type(head):
        raise HeadError(f"cannot save a {name}: expected one of {', '.join(_HEADS)}")
    trunk: dict[str, Any] = {"class": type(head.trunk).__name__}
    if type(head.trunk) is TransformerTrunk:
        trunk["options"] = head.trunk.get_config()
    description = {
        "format_version": _FORMAT,
        "head": {"class": name, "options": head.get_config()},
        "trunk": trunk,
    }
    # Copies: weights that a trunk has under two names are in the file twice.
    tensors = {
        key: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for key, tensor in head.state_dict().items()
    }
    content = save(tensors, {"format": "pt", _KEY: json.dumps(description, allow_nan=False)})
    require_writable_file(path)
    with staged_file(path) as stage:
        stage.write_bytes(content)  # save_file would leave it to its owner alone


def load_head(path: str | os.PathLike[str], trunk: Trunk | None = None) -> ActionHead:
    """The head of a file that `save_head` wrote. Nothing in the file is executed.

    Weights are of the types that they were saved in. They are on the CPU, those of a trunk that was given where
    this is.

    Args:
        path: The file.
        trunk: A trunk like the one that was saved, which takes over the weights that the file has of it. Needed
            unless that was a `TransformerTrunk`.

    Raises:
        FormatError: If the file is damaged, is of another format, or its tensors are not those of the head; the
            message names the key or the tensor.
    """
    path = Path(path)
    with reading(path, "safetensors file"), safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
    description = _read_description(metadata, path)
    with torch.device("meta"):  # where weights take no memory: a damaged file may ask for any number of them
        sketch = _make_head(description, trunk, path)
    _require_weights(sketch, tensors, path)
    with torch.random.fork_rng(devices=[]):  # weights are drawn, and replaced: the caller's numbers stay
        head = _make_head(description, trunk, path)
    for name, weights in head.state_dict(keep_vars=True).items():
        weights.data = tensors[name].to(weights.device)
    return head


def _read_description(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    if _KEY not in metadata:
        raise FormatError("was not written by save_head: its metadata says nothing of a head", str(path), _KEY)
    with reading(path, "description of a head"):
        description = json.loads(metadata[_KEY])
    if not isinstance(description, dict):
        raise FormatError(f"holds a {type(description).__name__}, expected an object", str(path), _KEY)
    require_format(description, _FORMAT, path)
    return description


def _make_trunk(description: Mapping[str, Any], path: Path) -> TransformerTrunk:
    saved = get_value(description, "trunk", path, dict)
    name = get_value(saved, "class", path, str, within="trunk.")
    if name != TransformerTrunk.__name__:
        raise FormatError(
            f"the head was saved on a {name}, which a file cannot make: give one, load_head(path, trunk)",
            str(path),
            "trunk.class",
        )
    options = get_value(saved, "options", path, dict, within="trunk.")
    trunk: TransformerTrunk = _made(TransformerTrunk, options, "trunk.options", path)
    return trunk


def _make_head(description: Mapping[str, Any], trunk: Trunk | None, path: Path) -> ActionHead:
    trunk = _make_trunk(description, path) if trunk is None else trunk
    saved = get_value(description, "head", path, dict)
    name = get_value(saved, "class", path, str, within="head.")
    if name not in _HEADS:
        raise FormatError(f"got {name!r}, expected one of {', '.join(_HEADS)}", str(path), "head.class")
    options = get_value(saved, "options", path, dict, within="head.")
    head: ActionHead = _made(_HEADS[name], options, "head.options", path, trunk)
    return head


def _made(kind: Any, options: Mapping[str, Any], key: str, path: Path, *arguments: Any) -> Any:
    """An object of a class, of options in a file: what it complains of is a fault of the file."""
    with errors_within(key, path):
        try:
            return kind(*arguments, **{name: from_json(option) for name, option in options.items()})
        except FormatError:
            raise
        except (FastTokenizerError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FormatError(f"not the options of a {kind.__name__}: {error}") from error


def _require_weights(head: ActionHead, tensors: Mapping[str, Tensor], path: Path) -> None:
    own = head.state_dict()
    surplus = [name for name in tensors if name not in own]
    if surplus:
        raise FormatError(f"a {type(head).__name__} on this trunk has no such tensor", str(path), surplus[0])
    for name, weights in own.items():
        if name not in tensors:
            raise FormatError("the tensor is missing", str(path), name)
        found = tensors[name]
        if found.shape != weights.shape or found.is_floating_point() != weights.is_floating_point():
            raise FormatError(
                f"is {found.dtype} of shape {list(found.shape)}, expected shape {list(weights.shape)} and a type "
                f"like {weights.dtype}",
                str(path),
                name,
            )
