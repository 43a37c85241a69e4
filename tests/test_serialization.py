"""Tokenizer directories: written whole, read in every layout, equal afterwards."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import tokenizers

from fast_tokenizer import FastTokenizer, FormatError, serialization
from fast_tokenizer.normalization import Normalizer

FIXTURES = Path(__file__).parent / "fixtures"
FILES = {
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "bpe_tokenizer/tokenizer.json",
    "bpe_tokenizer/tokenizer_config.json",
    "fast_action_tokenizer.py",
}


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def saved(tokenizer, tmp_path):
    folder = tmp_path / "saved"
    FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7).save_pretrained(folder)
    return folder


def change(path, edit):
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


# ---- What was saved is what is loaded ----------------------------------------------------------------------


def test_loading_gives_an_equal_tokenizer(tokenizer, saved, motions):
    loaded = FastTokenizer.from_pretrained(saved)
    assert loaded == FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    assert loaded(motions) == tokenizer(motions)
    assert files_in(saved) == FILES
    assert FastTokenizer.from_pretrained(str(saved)) == loaded


def test_saving_again_gives_the_same_bytes(saved, tmp_path):
    FastTokenizer.from_pretrained(saved).save_pretrained(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_the_configuration_has_the_keys_of_the_reference(tokenizer, saved):
    assert json.loads((saved / "processor_config.json").read_text()) == {
        "action_dim": 7,
        "auto_map": {"AutoProcessor": "fast_action_tokenizer.FastActionProcessor"},
        "min_token": tokenizer.min_token,
        "processor_class": "FastActionProcessor",
        "scale": 10,
        "time_horizon": 20,
        "vocab_size": tokenizer.vocab_size,
    }
    settings = json.loads((saved / "tokenizer_config.json").read_text())
    assert settings["clean_up_tokenization_spaces"] is False
    assert settings["tokenizer_class"] == "FastActionTokenizer"
    assert settings["auto_map"] == {"AutoTokenizer": ["fast_action_tokenizer.FastActionTokenizer", None]}
    plain = json.loads((saved / "bpe_tokenizer" / "tokenizer_config.json").read_text())
    assert plain["clean_up_tokenization_spaces"] is False
    assert plain["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "auto_map" not in plain


@pytest.mark.parametrize("name", ["tokenizer.json", "bpe_tokenizer/tokenizer.json"])
def test_the_tokenizers_library_gives_the_same_ids(tokenizer, saved, motions, name):
    library = tokenizers.Tokenizer.from_file(str(saved / name))
    coefficients = np.around(scipy.fft.dct(motions, axis=1, norm="ortho") * 10).astype(int).reshape(-1, 140)
    texts = ["".join(map(chr, row - tokenizer.min_token)) for row in coefficients]
    lists = tokenizer(motions)
    assert [encoding.ids for encoding in library.encode_batch(texts)] == lists
    assert library.decode_batch(lists, skip_special_tokens=False) == texts


@pytest.mark.parametrize("gone", ["tokenizer.json", "bpe_tokenizer"])
def test_one_of_the_two_places_is_enough(saved, gone):
    loaded = FastTokenizer.from_pretrained(saved)
    shutil.rmtree(saved / gone) if (saved / gone).is_dir() else (saved / gone).unlink()
    assert FastTokenizer.from_pretrained(saved) == loaded


def test_both_places_may_be_written_differently_but_not_differ(saved):
    loaded = FastTokenizer.from_pretrained(saved)
    nested = saved / "bpe_tokenizer" / "tokenizer.json"
    change(nested, lambda content: content.update(version="2.0"))
    assert FastTokenizer.from_pretrained(saved) == loaded
    change(nested, lambda content: content["model"]["merges"].pop())
    with pytest.raises(FormatError, match=r"its vocabulary differs from that of tokenizer\.json") as caught:
        FastTokenizer.from_pretrained(saved)
    assert caught.value.path == str(nested)


def test_merges_may_be_strings(bytes_tokenizer, motions, tmp_path):
    few_symbols = FastTokenizer.fit(motions, 1, margin=1, vocab_size=200)
    for number, tokenizer in enumerate([bytes_tokenizer, few_symbols]):
        folder = tmp_path / str(number)
        tokenizer.save_pretrained(folder)
        shutil.rmtree(folder / "bpe_tokenizer")
        assert not any(" " in text for text in tokenizer.codec.tokens)

        def as_strings(content):
            content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]

        change(folder / "tokenizer.json", as_strings)
        assert FastTokenizer.from_pretrained(folder) == tokenizer


def test_keys_that_the_reference_leaves_out_have_defaults(saved):
    change(
        saved / "processor_config.json",
        lambda content: [content.pop(key) for key in list(content) if key != "scale"],
    )
    loaded = FastTokenizer.from_pretrained(saved)
    assert (loaded.min_token, loaded.time_horizon, loaded.action_dim) == (0, None, None)


@pytest.mark.parity
def test_the_published_files(shared, tmp_path, motions):
    published = FastTokenizer.from_pretrained(shared / "fast_plus")
    assert (published.vocab_size, published.scale, published.min_token) == (2048, 10, -354)
    assert (published.codec.scheme, len(published.codec.merges)) == ("bytes", 1792)
    assert (published.time_horizon, published.action_dim) == (None, None)
    published.save_pretrained(tmp_path / "copy")
    assert FastTokenizer.from_pretrained(tmp_path / "copy") == published
    assert not published.encode(motions).clipped.any()


def test_a_saved_shape_is_of_whole_numbers(tokenizer, tmp_path):
    FastTokenizer(tokenizer.codec, time_horizon=np.int64(20), action_dim=np.uint8(7)).save_pretrained(tmp_path)
    loaded = FastTokenizer.from_pretrained(tmp_path)
    assert (loaded.time_horizon, loaded.action_dim) == (20, 7)
    with pytest.raises(TypeError):
        FastTokenizer(tokenizer.codec, time_horizon=2.5)


# ---- Files of earlier versions -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["format_1_bytes", "format_1_symbols"])
def test_files_of_earlier_versions_give_the_same_ids_for_ever(name):
    expected = json.loads((FIXTURES / name / "expected.json").read_text())
    loaded = FastTokenizer.from_pretrained(FIXTURES / name)
    assert loaded.codec.scheme == name.removeprefix("format_1_")
    assert (loaded.time_horizon, loaded.action_dim) == (expected["time_horizon"], expected["action_dim"])
    for dtype, lists in expected["ids"].items():
        chunks = np.array(expected["chunks"], dtype)
        tokens = loaded(chunks)
        assert tokens == lists
        error = loaded.decode(list(tokens)) - chunks
        assert np.sqrt(np.square(error).mean()) <= 0.5 / loaded.scale


# ---- Saving ------------------------------------------------------------------------------------------------


def test_parents_are_made_and_nothing_is_left_beside(tokenizer, tmp_path):
    folder = tmp_path / "a" / "b" / "c"
    tokenizer.save_pretrained(folder)
    assert files_in(tmp_path) == {f"a/b/c/{name}" for name in FILES}
    assert FastTokenizer.from_pretrained(folder) == tokenizer


def test_the_folder_one_is_in(tokenizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        tokenizer.save_pretrained(".")
        assert files_in(tmp_path) == FILES
    assert FastTokenizer.from_pretrained(".") == tokenizer


def test_other_files_are_kept_and_the_tokenizer_is_replaced(saved, symbols_tokenizer, motions):
    (saved / "notes.txt").write_text("mine")
    (saved / "bpe_tokenizer" / "special_tokens_map.json").write_text("{}")
    other = FastTokenizer.fit(motions, vocab_size=300)
    other.save_pretrained(saved)
    assert FastTokenizer.from_pretrained(saved) == other
    assert (saved / "notes.txt").read_text() == "mine"
    assert files_in(saved) == FILES | {"notes.txt", "bpe_tokenizer/special_tokens_map.json"}


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_files_are_as_open_as_others(tokenizer, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    tokenizer.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved").stat().st_mode == (tmp_path / "other").stat().st_mode
    for name in FILES:
        assert (tmp_path / "saved" / name).stat().st_mode == (tmp_path / "other" / "file").stat().st_mode


def test_a_file_in_the_way(tokenizer, tmp_path):
    (tmp_path / "name").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file: expected a directory"):
        tokenizer.save_pretrained(tmp_path / "name")
    with pytest.raises(OSError, match="name"):
        tokenizer.save_pretrained(tmp_path / "name" / "below")
    assert files_in(tmp_path) == {"name"}
    assert (tmp_path / "name").read_text() == "mine"


def test_a_file_in_the_way_of_the_subfolder(tokenizer, saved):
    before = FastTokenizer.from_pretrained(saved)
    shutil.rmtree(saved / "bpe_tokenizer")
    (saved / "bpe_tokenizer").write_text("mine")
    with pytest.raises(OSError, match="bpe_tokenizer"):
        tokenizer.save_pretrained(saved)
    assert FastTokenizer.from_pretrained(saved) == before


STEPS = ["write_text", "mkdir", "rename", "replace", "unlink", "chmod"]


def fail_at(monkeypatch, number, error):
    """Makes step `number` of those that touch the disk raise, counted from 0; returns the count so far."""
    count = []

    def counted(method):
        def step(self, *arguments, **options):
            count.append(self)
            if len(count) == number + 1:
                raise error
            return method(self, *arguments, **options)

        return step

    for name in STEPS:
        monkeypatch.setattr(serialization.Path, name, counted(getattr(Path, name)))
    return count


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
@pytest.mark.parametrize("normalised", ["neither", "old", "new"])
def test_an_interrupted_save_never_mixes_two_tokenizers(motions, tmp_path, exists, error, normalised):
    normalizer = Normalizer.fit(motions)
    old = FastTokenizer.fit(motions, vocab_size=300, normalizer=normalizer if normalised == "old" else None)
    new = FastTokenizer.fit(motions, 5, 200, normalizer=normalizer if normalised == "new" else None)
    outcomes = set()
    for number in range(100):
        folder = tmp_path / str(number) / "saved"
        folder.parent.mkdir()
        if exists:
            old.save_pretrained(folder)
        with pytest.MonkeyPatch.context() as monkeypatch:
            steps = fail_at(monkeypatch, number, error)
            try:
                new.save_pretrained(folder)
                finished = True
            except type(error):
                finished = False
        assert [path.name for path in folder.parent.iterdir()] in ([], ["saved"])
        try:
            loaded = FastTokenizer.from_pretrained(folder)
        except (FormatError, FileNotFoundError):
            loaded = None
        assert loaded in (None, old, new)
        assert exists or loaded in (None, new)
        if finished:
            assert loaded == new
            break
        assert len(steps) > number
        outcomes.add("old" if loaded == old else "new" if loaded == new else "none")
    assert 5 < number < 99
    assert outcomes <= {"old", "none"}
    assert "old" in outcomes or not exists
