"""Datasets as tokens in files, and back: a row a chunk, in Parquet or in numpy's .npz."""

from fast_tokenizer.encoded_datasets.contents import DecodedChunks, EncodedChunks
from fast_tokenizer.encoded_datasets.conversion import decode_groups, encode_groups
from fast_tokenizer.encoded_datasets.files import (
    count_encoded,
    read_encoded,
    require_known_format,
    write_decoded,
    write_encoded,
)

__all__ = [
    "DecodedChunks",
    "EncodedChunks",
    "count_encoded",
    "decode_groups",
    "encode_groups",
    "read_encoded",
    "require_known_format",
    "write_decoded",
    "write_encoded",
]
