"""The hub: what is asked of huggingface_hub, and what is said where it cannot be asked."""

import shutil
import sys
import types

import pytest
from frameworks import import_or_skip

from fast_tokenizer import FastTokenizer, FormatError


@pytest.fixture
def hub(monkeypatch, symbols_tokenizer, tmp_path):
    """A hub of one repository; `calls` are what it was asked for."""
    symbols_tokenizer.save_pretrained(tmp_path / "snapshot")
    calls = []

    def snapshot_download(repository, **options):
        calls.append((repository, options))
        return str(tmp_path / "snapshot")

    class HfApi:
        """A hub that notes what it is asked for, and keeps what is uploaded in a folder."""

        readme = False

        def __init__(self, **options):
            calls.append(("HfApi", options))

        def create_repo(self, repository, **options):
            calls.append(("create_repo", repository, options))
            return types.SimpleNamespace(repo_id=f"me/{repository}")

        def file_exists(self, repository, name, **options):
            return self.readme

        def upload_folder(self, *, folder_path, **options):
            shutil.copytree(folder_path, tmp_path / "uploaded")
            calls.append(("upload_folder", options))
            return types.SimpleNamespace(commit_url="https://hub/commit/1")

    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = snapshot_download
    module.HfApi = HfApi
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
        "cache_dir": None,
        "token": None,
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


# ---- Uploading ---------------------------------------------------------------------------------------------


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_directory_and_its_card_are_uploaded(hub, tokenizer, tmp_path):
    shaped = FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    address = shaped.push_to_hub("mine", private=True, commit_message="first", revision="dev", token="secret")
    assert address == "https://hub/commit/1"
    assert hub.calls == [
        ("HfApi", {"token": "secret"}),
        ("create_repo", "mine", {"private": True, "exist_ok": True}),
        ("upload_folder", {"repo_id": "me/mine", "commit_message": "first", "revision": "dev"}),
    ]
    assert FastTokenizer.from_pretrained(tmp_path / "uploaded") == shaped
    shaped.save_pretrained(tmp_path / "saved")
    uploaded = files_in(tmp_path / "uploaded")
    card = uploaded.pop("README.md").decode()
    assert uploaded == files_in(tmp_path / "saved")
    codec = tokenizer.codec
    for figure in (
        f"`{codec.scheme}`",
        f"{tokenizer.vocab_size} (pad {tokenizer.vocab_size},",
        f"{codec.min_coefficient}..{codec.max_coefficient}",
        "20 steps of 7 dimensions",
        "must be normalised",
        'FastTokenizer.from_pretrained("mine")',
    ):
        assert figure in card
    assert card.startswith("---\nlibrary_name: fast_tokenizer\n")


def test_a_card_that_people_wrote_stays(hub, symbols_tokenizer, tmp_path):
    hub.HfApi.readme = True
    symbols_tokenizer.push_to_hub("me/mine")
    assert "README.md" not in files_in(tmp_path / "uploaded")


def test_nothing_is_left_where_the_upload_fails(hub, symbols_tokenizer, monkeypatch, tmp_path):
    def upload_folder(self, *, folder_path, **options):
        hub.calls.append(folder_path)
        raise OSError("offline")

    monkeypatch.setattr(hub.HfApi, "upload_folder", upload_folder)
    with pytest.raises(OSError, match="offline"):
        symbols_tokenizer.push_to_hub("me/mine")
    assert not hub.calls[-1].exists()


def test_uploading_without_the_package_says_what_to_install(no_hub, symbols_tokenizer):
    with pytest.raises(ImportError, match=r"to upload me/mine .*pip install fast_tokenizer\[hub\]"):
        symbols_tokenizer.push_to_hub("me/mine")


@pytest.mark.parametrize("name", ["FastActionTokenizer", "FastActionProcessor"])
@pytest.mark.parametrize("with_save", [False, True])
def test_the_classes_for_transformers_upload_the_same(symbols_tokenizer, request, tmp_path, name, with_save):
    import_or_skip("transformers")
    from fast_tokenizer import hf

    hub = request.getfixturevalue("hub")  # after transformers, which wants the true one
    if name == "FastActionTokenizer":
        wrapped = hf.FastActionTokenizer(fast_tokenizer=symbols_tokenizer)
    else:
        wrapped = hf.FastActionProcessor(symbols_tokenizer)
    if with_save:
        wrapped.save_pretrained(tmp_path / "mine", push_to_hub=True, private=True, commit_message="first")
    else:
        wrapped.push_to_hub(repo_id="mine", private=True, commit_message="first")
    assert hub.calls[1] == ("create_repo", "mine", {"private": True, "exist_ok": True})
    assert hub.calls[2][1]["commit_message"] == "first"
    assert FastTokenizer.from_pretrained(tmp_path / "uploaded") == symbols_tokenizer
    assert "README.md" in files_in(tmp_path / "uploaded")
