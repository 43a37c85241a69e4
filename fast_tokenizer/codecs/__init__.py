"""Codecs: actions to ids of an `ActionVocabulary` and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fast_tokenizer.codecs import bins
from fast_tokenizer.codecs.binning import BinningCodec
from fast_tokenizer.codecs.codec import Codec
from fast_tokenizer.codecs.fast import FastCodec
from fast_tokenizer.codecs.frequency import FrequencyCodec
from fast_tokenizer.errors import FormatError

__all__ = ["BinningCodec", "Codec", "FastCodec", "FrequencyCodec", "bins", "codec_from_config"]

_CLASSES: dict[str, type[Codec]] = {one.name: one for one in (FastCodec, BinningCodec, FrequencyCodec)}


def codec_from_config(config: Mapping[str, Any]) -> Codec:
    """The codec that `get_config` of any of them described.

    Raises:
        FormatError: If there is no such codec, or its configuration is not what it should be.

    Examples:
        >>> codec_from_config(BinningCodec(bins.uniform(-1, 1)).get_config())
        BinningCodec(Bins(uniform, 256 in -1..1), vocab_size=256)
    """
    kind = config.get("codec")
    if kind not in _CLASSES:
        raise FormatError(f"got {kind!r}, expected one of {', '.join(map(repr, _CLASSES))}", key="codec")
    return _CLASSES[kind].from_config(config)
