"""The hub: what is asked of huggingface_hub, and what is said where it cannot be asked."""

import sys
import types

import pytest

from fast_tokenizer import FastTokenizer, FormatError


@pytest.fixture
def hub(monkeypatch, symbols_tokenizer, tmp_path):
    """A hub of one repository; `calls` are what it was asked for."""
    symbols_tokenizer.save_pretrained(tmp_path / "snapshot")
    calls = []

    def snapshot_download(repository, **options):
        calls.append((repository, options))
        return str(tmp_path / "snapshot")

    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = snapshot_download
    module.calls = calls
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.chdir(tmp_path)
    return module


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["physical-intelligence/fast", "gpt2", "a.b_c-d/e.f"])
def test_a_repository_is_downloaded(hub, symbols_tokenizer, name):
    assert FastTokenizer.from_pretrained(name) == symbols_tokenizer
    options = {
        "revision": None,
        "local_files_only": False,
        "allow_patterns": ["*.json", "bpe_tokenizer/*.json"],
    }
    assert hub.calls == [(name, options)]


def test_options_are_passed_on(hub):
    FastTokenizer.from_pretrained("me/mine", revision="v2", local_files_only=True)
    ((_, options),) = hub.calls
    assert (options["revision"], options["local_files_only"]) == ("v2", True)


def test_a_folder_comes_before_a_repository(hub, symbols_tokenizer, tmp_path):
    symbols_tokenizer.save_pretrained(tmp_path / "me" / "mine")
    assert FastTokenizer.from_pretrained("me/mine") == symbols_tokenizer
    assert hub.calls == []


@pytest.mark.parametrize(
    "name",
    ["./missing", "../missing", "/no/such/folder", "a/b/c", "~/models/mine", "C:\\mine", "", "a b", ".", "a/"],
)
def test_what_can_only_be_a_path_asks_no_network(hub, name):
    if name in ("", "."):  # the current folder, which holds no tokenizer
        with pytest.raises(FormatError, match=r"processor_config\.json is missing"):
            FastTokenizer.from_pretrained(name)
    else:
        with pytest.raises(FileNotFoundError, match="there is no directory"):
            FastTokenizer.from_pretrained(name)
    assert hub.calls == []


def test_without_the_package_the_error_says_what_to_install(no_hub):
    with pytest.raises(ImportError, match=r"no directory me/mine; .*pip install fast_tokenizer\[hub\]"):
        FastTokenizer.from_pretrained("me/mine")


def test_a_folder_needs_no_package(no_hub, symbols_tokenizer, tmp_path):
    symbols_tokenizer.save_pretrained(tmp_path / "mine")
    assert FastTokenizer.from_pretrained(tmp_path / "mine") == symbols_tokenizer


def test_errors_of_the_hub_are_its_own(hub):
    def snapshot_download(repository, **options):
        raise OSError("offline")

    hub.snapshot_download = snapshot_download
    with pytest.raises(OSError, match="offline"):
        FastTokenizer.from_pretrained("me/mine")
