"""FastTokenizer with codecs that the published layout cannot hold: calls, saving, loading."""

import json

import numpy as np
import pytest

from fast_tokenizer import (
    ActionVocabulary,
    BinningCodec,
    FastTokenizer,
    FastTokenizerError,
    FormatError,
    FrequencyCodec,
)
from fast_tokenizer.codecs import bins

CODECS = {
    "binning": BinningCodec(bins.openvla(), vocabulary=ActionVocabulary(300)),
    "frequency": FrequencyCodec(3, scale=10.5, min_coefficient=-150, vocabulary=ActionVocabulary(300)),
}
CHUNKS = np.random.default_rng(0).uniform(-1, 1, (5, 6, 2))


@pytest.fixture(params=CODECS)
def other(request):
    """A tokenizer that is not of FAST."""
    return FastTokenizer(CODECS[request.param], time_horizon=6, action_dim=2)


def change(folder, edit):
    path = folder / "codec_config.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_calls(other):
    tokens = other(CHUNKS)
    assert tokens == other.encode(CHUNKS).to_lists()
    np.testing.assert_array_equal(other.decode(tokens), other.codec.decode(tokens, horizon=6, action_dim=2))
    assert other.decode_checked([[0], []]).status.tolist() == [1, 1]
    assert other.vocab_size == len(other) == 300


def test_scale_is_there_if_the_codec_has_one():
    frequency, binning = FastTokenizer(CODECS["frequency"]), FastTokenizer(CODECS["binning"])
    assert (frequency.scale, frequency.min_token) == (10.5, -150)
    for name in ("scale", "min_token"):
        with pytest.raises(AttributeError, match="'BinningCodec' object has no attribute"):
            getattr(binning, name)


def test_loading_gives_an_equal_tokenizer(other, tmp_path):
    for _ in range(2):  # into a new directory, and over itself
        other.save_pretrained(tmp_path / "saved")
        assert [path.name for path in (tmp_path / "saved").iterdir()] == ["codec_config.json"]
        loaded = FastTokenizer.from_pretrained(tmp_path / "saved")
        assert loaded == other
        assert type(loaded.codec) is type(other.codec)
        assert loaded(CHUNKS) == other(CHUNKS)


def test_a_directory_holds_one_tokenizer(other, symbols_tokenizer, tmp_path):
    for first, second in ((other, symbols_tokenizer), (symbols_tokenizer, other)):
        folder = tmp_path / type(first.codec).__name__
        first.save_pretrained(folder)
        with pytest.raises(FileExistsError, match=r"another tokenizer, in .*: save into another directory"):
            second.save_pretrained(folder)
        assert FastTokenizer.from_pretrained(folder) == first
    (folder / "codec_config.json").write_text("{}")
    with pytest.raises(FormatError, match=r"holds two tokenizers, codec_config\.json and processor_config\.json"):
        FastTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    ("edit", "key"),
    [
        (lambda content: content.update(format_version=2), "format_version"),
        (lambda content: content.pop("format_version"), "format_version"),
        (lambda content: content.update(codec="binning"), "codec"),
        (lambda content: content["codec"].update(codec="wavelet"), "codec.codec"),
        (lambda content: content["codec"].pop("vocab_size"), "codec.vocab_size"),
        (lambda content: content.update(time_horizon=0), "time_horizon"),
        (lambda content: content.update(action_dim="2"), "action_dim"),
    ],
)
def test_a_damaged_file_is_named(other, tmp_path, edit, key):
    other.save_pretrained(tmp_path)
    change(tmp_path, edit)
    with pytest.raises(FormatError) as caught:
        FastTokenizer.from_pretrained(tmp_path)
    assert (caught.value.path, caught.value.key) == (str(tmp_path / "codec_config.json"), key)


def test_it_is_not_published_as_if_the_reference_could_read_it(other):
    with pytest.raises(FastTokenizerError, match=f"me/mine would hold a {type(other.codec).__name__}"):
        other.push_to_hub("me/mine")
