"""AutoTokenizer and AutoProcessor give our classes, or an error; benchmarks/load_matrix.py has every version."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import import_or_skip

from fast_tokenizer import FastTokenizer
from fast_tokenizer.normalization import Normalizer

transformers = import_or_skip("transformers")

from fast_tokenizer.hf import FastActionProcessor, FastActionTokenizer  # noqa: E402

# What transformers warns of is not the matter here.
pytestmark = pytest.mark.filterwarnings("ignore")

AUTO = {"AutoTokenizer": FastActionTokenizer, "AutoProcessor": FastActionProcessor}


@pytest.fixture(scope="module")
def saved(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "mine"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def published(symbols_tokenizer, tmp_path):
    """A directory that asks for the published class, whose code is not there."""
    folder = tmp_path / "published"
    symbols_tokenizer.save_pretrained(folder)
    config = json.loads((folder / "processor_config.json").read_text())
    config["processor_class"] = "UniversalActionProcessor"
    config["auto_map"] = {"AutoProcessor": "processing_action_tokenizer.UniversalActionProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(config))
    return folder


def in_a_fresh_process(code, home):
    """What the code prints where nothing is imported yet, and no network can be asked."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", AUTO)
@pytest.mark.parametrize("trust", [None, False])
def test_imported_ours_is_found_by_name(saved, tokenizer, motions, name, trust):
    loaded = getattr(transformers, name).from_pretrained(saved, trust_remote_code=trust)
    assert type(loaded) is AUTO[name]
    assert loaded(motions) == tokenizer(motions)


@pytest.mark.parametrize("name", AUTO)
def test_what_was_loaded_is_saved_and_loaded(saved, tokenizer, tmp_path, name):
    getattr(transformers, name).from_pretrained(saved).save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in saved.iterdir()}
    for path in saved.rglob("*.*"):
        assert (tmp_path / path.relative_to(saved)).read_bytes() == path.read_bytes()
    assert getattr(transformers, name).from_pretrained(tmp_path).fast_tokenizer == tokenizer


@pytest.mark.parametrize("name", AUTO)
def test_not_imported_the_directory_brings_ours_or_says_what_to_do(symbols_tokenizer, tmp_path, name):
    saved = tmp_path / "saved"
    symbols_tokenizer.save_pretrained(saved)
    code = f"from transformers import {name}; x = {name}.from_pretrained({str(saved)!r}, trust_remote_code=%s); "
    trusted = in_a_fresh_process(code % True + "print(type(x).__module__)", tmp_path)
    assert trusted.stdout.strip() == AUTO[name].__module__, trusted.stderr
    refused = in_a_fresh_process(code % False, tmp_path)
    assert refused.returncode == 1
    assert "trust_remote_code=True" in refused.stderr


def test_the_published_name_is_taken_on_request_only(published, tmp_path):
    code = (
        "import fast_tokenizer.hf; from transformers import AutoProcessor; {}"
        f"print(type(AutoProcessor.from_pretrained({str(published)!r}, trust_remote_code=False)).__mro__[1])"
    )
    refused = in_a_fresh_process(code.format(""), tmp_path)
    assert "trust_remote_code=True" in refused.stderr
    taken = in_a_fresh_process(code.format("fast_tokenizer.hf.register_published_name(); "), tmp_path)
    assert taken.stdout.strip() == str(FastActionProcessor), taken.stderr


def test_the_plain_text_tokenizer_is_in_the_subfolder(saved, tokenizer, motions):
    plain = transformers.AutoTokenizer.from_pretrained(saved / "bpe_tokenizer")
    assert not isinstance(plain, FastActionTokenizer)
    text = FastActionTokenizer(fast_tokenizer=tokenizer).decode(tokenizer(motions)[0])
    assert plain(text)["input_ids"] == tokenizer(motions)[0]


def test_padding_is_set_while_loading(saved, motions):
    loaded = transformers.AutoTokenizer.from_pretrained(saved, padding_side="left")
    assert loaded(motions, padding=True)["attention_mask"][0][-1] == 1
    assert loaded.padding_side == "left"


def test_the_files_of_an_earlier_version():
    folder = Path(__file__).parent / "fixtures" / "format_1_bytes"
    loaded = FastActionProcessor.from_pretrained(folder)
    expected = json.loads((folder / "expected.json").read_text())
    assert loaded(np.array(expected["chunks"], "f4")) == expected["ids"]["float32"]


@pytest.mark.parametrize("cls", AUTO.values())
def test_a_normaliser_is_kept_but_not_used(cls, tokenizer, motions, tmp_path):
    robot = FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7, normalizer=Normalizer.fit(9 * motions))
    robot.save_pretrained(tmp_path / "robot")
    loaded = cls.from_pretrained(tmp_path / "robot")
    assert loaded(motions) == tokenizer(motions)
    np.testing.assert_array_equal(loaded.decode(loaded(motions)), tokenizer.decode(tokenizer(motions)))
    loaded.save_pretrained(tmp_path / "again")
    assert FastTokenizer.from_pretrained(tmp_path / "again") == robot
    if cls is FastActionProcessor:
        cls.from_pretrained(tmp_path / "robot", scale=5.0).save_pretrained(tmp_path / "coarse")
        assert FastTokenizer.from_pretrained(tmp_path / "coarse").normalizer == robot.normalizer
