"""Options of heads as plain JSON: what is more than a number or a word, by its own configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from fast_tokenizer.codecs import Codec, codec_from_config
from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.diffusion.orders import GroupedByTimeStep, LowFrequencyFirst
from fast_tokenizer.errors import FormatError, HeadError
from fast_tokenizer.heads.action_bins import ActionBins

_ORDERS = {one.__name__: one for one in (GroupedByTimeStep, LowFrequencyFirst)}


def require_choice(name: str, value: object, kind: Any) -> None:
    """Lets an option pass that is one of a `Literal`'s.

    Raises:
        HeadError: If it is another one.
    """
    known = get_args(kind)
    if value not in known:
        expected = " or ".join(map(repr, known)) if len(known) == 2 else f"one of {', '.join(map(repr, known))}"
        raise HeadError(f"{name} is {value!r}: expected {expected}")


def as_json(name: str, option: object) -> Any:
    """An option as plain JSON.

    Raises:
        HeadError: If it is a thing that no file can tell.

    Examples:
        >>> as_json("solver", "euler"), as_json("order", GroupedByTimeStep(7))
        ('euler', {'order': 'GroupedByTimeStep', 'action_dim': 7, 'within': 'max_prob'})
    """
    if option is None or isinstance(option, bool | int | float | str):
        return option
    if isinstance(option, ActionBins):
        option = option.source
    if isinstance(option, Bins):
        return {"bins": option.get_config()}
    if isinstance(option, Codec):
        return option.get_config()
    if isinstance(option, GroupedByTimeStep | LowFrequencyFirst):
        return {"order": type(option).__name__, **asdict(option)}
    raise HeadError(
        f"{name} is of {type(option).__name__}: expected a number, text, bins, a codec or an order, as a file can "
        "tell no other option"
    )


def from_json(option: Any) -> Any:
    """The option that `as_json` told of.

    Raises:
        FormatError: If it is none.
    """
    if not isinstance(option, Mapping):
        return option
    if "codec" in option:
        return codec_from_config(option)
    if "bins" in option:
        return Bins.from_config(option["bins"])
    kind = _ORDERS.get(option.get("order", ""))
    if kind is None:
        raise FormatError(f"got {option!r}, expected bins, a codec or an order")
    return kind(**{key: value for key, value in option.items() if key != "order"})
