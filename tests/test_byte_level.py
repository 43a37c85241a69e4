from __future__ import annotations

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from fast_tokenizer import _core

# Before 0.21.2 the library knew an older Unicode: 9392 letters and numbers from U+1C89 on were new to it.
KNOWS_UNICODE = tuple(int(part) for part in tokenizers.__version__.split(".")[:3] if part.isdigit()) >= (
    0,
    21,
    2,
)

SURROGATES = range(0xD800, 0xE000)
PRE_TOKENIZER = ByteLevel(add_prefix_space=False)

CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'r", "'l", "''", " '"]
CHARACTERS = list(
    "'  \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x00\x7f\x80\x85\xa0\u1680\u2003\u2028\u202f\u3000\u180e\u200b\ufeff"
    "strevmldaSR\xe9\xf7\xf8\u02c1\u02c2\u0119\u0345\u05d0\u0e33\u4e2d\uac00\uffff\U00020000\U0001d400\U0010ffff"
    "059\xb2\xbd\u0663\u2160\u2460\u3007\U0001d7d8!.-_\u0301\u20e3\u20ac\U0001f600"
)
NASTY_TEXT = st.lists(st.sampled_from(CONTRACTIONS + CHARACTERS) | st.characters(max_codepoint=0x2FF)).map("".join)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<i4").astype(np.int32)


def python_decode(data: bytes) -> str | None:
    try:
        return data.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None


def assert_decodes_as_python(data: bytes) -> None:
    expected = python_decode(data)
    got = _core.utf8_decode_strict(data)
    if expected is None:
        assert got is None, data
    else:
        assert got is not None, data
        np.testing.assert_array_equal(got, code_points(expected))


def library_ends(text: str) -> list[int]:
    return [end for _, (_, end) in PRE_TOKENIZER.pre_tokenize_str(text)]


@pytest.mark.skipif(
    not KNOWS_UNICODE, reason="the Unicode tables of this version of tokenizers are older than ours"
)
@pytest.mark.parametrize("plane", range(17))
def test_every_character_has_the_class_that_the_library_gives_it(plane: int) -> None:
    # Between a letter and a digit, and after a blank: the words of each class differ.
    characters = (chr(code) for code in range(plane << 16, (plane + 1) << 16) if code not in SURROGATES)
    text = "".join(f"a{character}1 {character}" for character in characters)

    assert _core.gpt2_split(code_points(text)).tolist() == library_ends(text)


def test_every_character_alone_is_one_word() -> None:
    for code in range(0x110000):
        if code not in SURROGATES:
            assert _core.gpt2_split(np.array([code], np.int32)).tolist() == [1]


@given(NASTY_TEXT)
def test_nasty_texts_split_as_in_the_library(text: str) -> None:
    assert _core.gpt2_split(code_points(text)).tolist() == library_ends(text)


@pytest.mark.skipif(
    not KNOWS_UNICODE, reason="the Unicode tables of this version of tokenizers are older than ours"
)
@given(ANY_TEXT)
def test_any_text_splits_as_in_the_library(text: str) -> None:
    assert _core.gpt2_split(code_points(text)).tolist() == library_ends(text)


def test_every_sequence_of_four_kinds_splits_as_in_the_library() -> None:
    kinds = [" ", "\n", "\xa0", "'", "!", "s", "l", "\xe9", "1", "\xb2"]
    for first in kinds:
        for second in kinds:
            for third in kinds:
                for fourth in kinds:
                    text = first + second + third + fourth
                    assert _core.gpt2_split(code_points(text)).tolist() == library_ends(text), repr(text)


def test_long_runs_split_in_linear_time() -> None:
    for run in (" ", "\n", "a", "1", "!", "'s", " a", "\n a"):
        text = run * 100_000
        assert _core.gpt2_split(code_points(text))[-1] == len(text)


def test_splitting_nothing_gives_nothing() -> None:
    ends = _core.gpt2_split(np.array([], np.int32))

    assert ends.dtype == np.int64
    assert ends.shape == (0,)


def test_every_scalar_value_is_encoded_and_decoded_as_in_python() -> None:
    text = "".join(chr(code) for code in range(0x110000) if code not in SURROGATES)
    data = text.encode()

    assert _core.utf8_encode(code_points(text)) == data
    np.testing.assert_array_equal(_core.utf8_decode_strict(data), code_points(text))


@given(ANY_TEXT)
def test_utf8_survives_the_round_trip(text: str) -> None:
    data = _core.utf8_encode(code_points(text))

    assert data == text.encode()
    assert _core.utf8_decode_strict(data).tolist() == list(map(ord, text))


@given(st.binary(max_size=12) | st.lists(st.integers(0x80, 0xFF), max_size=8).map(bytes))
def test_random_bytes_are_decoded_as_in_python(data: bytes) -> None:
    assert_decodes_as_python(data)


@given(ANY_TEXT, st.data())
def test_damaged_texts_are_decoded_as_in_python(text: str, data: st.DataObject) -> None:
    encoded = bytearray(text.encode())
    if encoded:
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(encoded)))

    assert_decodes_as_python(bytes(encoded[:cut]))


def test_every_start_of_a_character_is_decoded_as_in_python() -> None:
    for first in range(256):
        assert_decodes_as_python(bytes([first]))
        for second in range(256):
            assert_decodes_as_python(bytes([first, second]))
    for first in range(0xC0, 0x100):
        for second in range(0x70, 0xD0):
            for end in (
                b"\x7f",
                b"\x80",
                b"\xbf",
                b"\xc0",
                b"\x80\x7f",
                b"\x80\x80",
                b"\xbf\xbf",
                b"\xbf\xc0",
            ):
                assert_decodes_as_python(bytes([first, second]) + end)


@pytest.mark.parametrize("function", ["gpt2_split", "utf8_encode"])
@pytest.mark.parametrize("wrong", [-1, 0xD800, 0xDFFF, 0x110000, 2**31 - 1, -(2**31)])
def test_what_is_no_scalar_value_is_refused(function: str, wrong: int) -> None:
    with pytest.raises(ValueError, match=rf"code_points\[1\].*got {wrong}"):
        getattr(_core, function)(np.array([97, wrong], np.int32))


@pytest.mark.parametrize("function", ["gpt2_split", "utf8_encode"])
def test_other_arrays_are_refused(function: str) -> None:
    with pytest.raises(ValueError, match="1 axis, got 2"):
        getattr(_core, function)(np.zeros((2, 2), np.int32))
    for unsafe in (np.array([2**32 + 97]), np.array([97.5]), "a", None):
        with pytest.raises(TypeError):
            getattr(_core, function)(unsafe)


@pytest.mark.parametrize("function", ["gpt2_split", "utf8_encode"])
def test_strided_and_narrow_arrays_are_accepted(function: str) -> None:
    plain = code_points("it's 12")
    expected = getattr(_core, function)(plain)

    np.testing.assert_array_equal(getattr(_core, function)(np.repeat(plain, 2)[::2]), expected)
    np.testing.assert_array_equal(getattr(_core, function)(plain.astype(np.uint8)), expected)
