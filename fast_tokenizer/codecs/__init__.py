"""Codecs: actions to ids of an `ActionVocabulary` and back."""

from fast_tokenizer.codecs.fast import FastCodec

__all__ = ["FastCodec"]
