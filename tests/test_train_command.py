"""`fast-tokenizer train`, run as a user runs it."""

import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from bad_datasets import save_npz, write_bad_dataset
from command_line import assert_interruptible, assert_one_line_error, numbers, rest_of, run, table
from dataset_files import write_lerobot_v30, write_robomimic

from fast_tokenizer import BinningCodec, FastTokenizer, cli
from fast_tokenizer.codecs import bins
from fast_tokenizer.commands.quantities import Seconds, dimensions, error_limits, steps_or_seconds
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.normalization import Normalizer

NAMES = ["x", "y", "gripper"]


@pytest.fixture(scope="module")
def episodes():
    """Ten episodes of one arm in metres at 20 Hz, float32 `[120 + i, 3]`."""
    motions = generate_episodes(10, action_dim=3, hz=20.0, seconds=6.5, seed=1)
    return [(0.4 + 0.3 * motion[: 120 + place]).astype(np.float32) for place, motion in enumerate(motions)]


@pytest.fixture
def folder(tmp_path, episodes):
    """A folder with `arm.npz`, from which the program is run."""
    save_npz(tmp_path / "arm.npz", episodes)
    return tmp_path


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(result):
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return table(result.stdout.partition("\n\n")[0])


def errors_of(result):
    """RMSE and largest error by the name of the dimension."""
    lines = result.stdout.split("\n\n")[1].splitlines()
    assert lines[0].split() == ["dimension", "RMSE", "largest", "error"]
    return {name: (float(rmse), float(largest)) for name, rmse, largest in map(str.split, lines[1:])}


# ---- What it makes -----------------------------------------------------------------------------------------


def test_it_trains_saves_and_shows_the_figures_of_held_out_episodes(folder, episodes):
    result = run(folder, "train", "arm.npz", "--out", "arm")
    rows = rows_of(result)
    assert rows["data"].startswith("arm.npz: 10 episodes, 1245 steps at 20 Hz")
    assert rows["figures"] == "of held-out episodes"
    assert result.stdout.endswith("saved  arm\n")
    tokenizer = FastTokenizer.from_pretrained(folder / "arm")
    assert (tokenizer.time_horizon, tokenizer.action_dim) == (20, 3)

    record = json.loads((folder / "arm" / "training.json").read_text())
    held_out = record["episodes"]["held_out"]
    assert len(held_out) == 2
    kept = np.concatenate([one for place, one in enumerate(episodes) if place not in held_out])
    statistics, expected = tokenizer.normalizer["default"].statistics, Normalizer.fit(kept).statistics
    assert (statistics.q01, statistics.q99, statistics.count) == (expected.q01, expected.q99, len(kept))

    chunks = np.concatenate(
        [np.lib.stride_tricks.sliding_window_view(episodes[i], 20, axis=0)[::5] for i in held_out]
    ).transpose(0, 2, 1)
    tokens = tokenizer(chunks)
    assert numbers(rows["chunks"])[1] == len(chunks)
    lengths = [len(ids) for ids in tokens]
    assert numbers(rows["tokens a chunk"])[0] == pytest.approx(np.mean(lengths), abs=0.06)
    assert numbers(rows["compression"])[0] == pytest.approx(60 / np.mean(lengths), abs=0.06)
    error = np.abs(tokenizer.decode(tokens) - chunks)
    for place, (rmse, largest) in enumerate(errors_of(result).values()):
        assert rmse == pytest.approx(np.sqrt(np.square(error[..., place]).mean()), rel=1e-3)
        assert largest == pytest.approx(error[..., place].max(), rel=1e-3)


def test_the_same_command_gives_the_same_bytes(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    shutil.copy(folder / "arm.npz", other)
    command = ("train", "arm.npz", "--out", "made/arm", "--sample", "0.7", "--padding", "hold", "--seed", "3")
    for place in (folder, folder, other):  # also over what is there
        assert run(place, *command).returncode == 0
    first, second = files_in(folder / "made"), files_in(other / "made")
    assert first == second
    assert {"arm/normalizer.json", "arm/training.json", "arm/tokenizer.json"} <= set(first)
    record = json.loads(first["arm/training.json"])
    assert record["command"] == f"fast-tokenizer {' '.join(command)}"
    assert record["chunks"]["sample"] == 0.7
    assert record["dataset"]["name"] == "arm.npz"
    assert set(record["versions"]) == {"fast_tokenizer", "numpy", "scipy"}


def test_dimensions_by_name_and_a_horizon_in_seconds(tmp_path, episodes):
    write_lerobot_v30(tmp_path / "data", episodes, names=NAMES)
    options = ("--dims", "gripper,0", "--horizon", "0.5s", "--stride", "9", "--max-error", "x=1cm")
    result = run(tmp_path, "train", "data", "--out", "out", *options, "--embodiment", "arm")
    rows = rows_of(result)
    assert "25 steps x 2 dimensions, one every 9 step(s)" in rows["chunks"]  # of 50 Hz
    assert rows["scale"].endswith(", chosen for --max-error")
    assert list(errors_of(result)) == ["gripper", "x"]
    tokenizer = FastTokenizer.from_pretrained(tmp_path / "out")
    assert list(tokenizer.normalizer) == ["arm"]
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["dataset"]["dims"] == [2, 0]
    assert record["max_error"] == [None, 0.01]
    assert record["vocabulary"]["scale"] == tokenizer.scale


def test_an_error_bound_holds_on_what_was_trained_on(folder, episodes):
    result = run(folder, "train", "arm.npz", "--out", "arm", "--max-error", "5mm", "--hold-out", "0")
    rows = rows_of(result)
    assert rows["figures"] == "of the chunks trained on, as none were held out"
    for _, largest in errors_of(result).values():
        assert largest <= 0.005
    assert max(largest for _, largest in errors_of(result).values()) > 0.004


def test_actions_relative_to_the_state(tmp_path, episodes):
    states = np.concatenate(episodes) - 0.125
    save_npz(tmp_path / "arm.npz", episodes, states=states)
    result = run(tmp_path, "train", "arm.npz", "--out", "arm", "--relative", "0,1", "--state-key", "states")
    assert rows_of(result)["relative"].startswith("0, 1: the tokenizer takes and gives them relative")
    statistics = FastTokenizer.from_pretrained(tmp_path / "arm").normalizer.select().statistics
    assert abs(statistics.mean[0] - 0.125) < 0.1 < 0.25 < statistics.mean[2]
    record = json.loads((tmp_path / "arm" / "training.json").read_text())
    assert record["relative"] == [0, 1]
    assert (record["dataset"]["key"], record["dataset"]["state_key"]) == (None, "states")


def test_some_dimensions_relative_to_states_without_the_gripper(tmp_path, episodes):
    actions = [np.hstack([one, one[:, :1]]) for one in episodes]
    write_robomimic(tmp_path / "arm.hdf5", actions, q=[one - np.float32(0.125) for one in episodes])
    command = ("train", "arm.hdf5", "--dims", "1,2,3", "--state-key", "obs/q", "--horizon", "20")
    rows_of(run(tmp_path, *command, "--out", "arm", "--relative", "1,2", "--hold-out", "0"))
    statistics = FastTokenizer.from_pretrained(tmp_path / "arm").normalizer.select().statistics
    chunks = np.concatenate(
        [np.lib.stride_tricks.sliding_window_view(one, 20, axis=0)[::5] for one in episodes]
    ).transpose(0, 2, 1)
    expected = (chunks - chunks[:, :1] + 0.125)[..., 1:].mean(axis=(0, 1))
    np.testing.assert_allclose(statistics.mean[:2], expected, atol=1e-5)
    refused = run(tmp_path, *command, "--out", "other", "--relative", "1,3")
    assert_one_line_error(refused, r"demo_\d: its states have no dimension that belongs to \[2\] of the actions")


def test_another_rate(folder):
    result = run(folder, "train", "arm.npz", "--out", "arm", "--hz", "40", "--held", "2")
    assert "40 steps x 3 dimensions" in rows_of(result)["chunks"]
    record = json.loads((folder / "arm" / "training.json").read_text())
    assert record["resampling"] == {"hz": 40.0, "held": [2]}


def test_dimensions_that_stand_still_are_named(tmp_path, episodes):
    write_lerobot_v30(tmp_path / "data", [one * np.float32([1, 0, 1]) for one in episodes], names=NAMES)
    result = run(tmp_path, "train", "data", "--out", "out")
    assert rows_of(result)["constant"].startswith("y: in the training data")
    assert errors_of(result)["y"] == (0, 0)


def test_published_statistics(folder):
    group = {"mean": [0.4] * 3, "std": [0.2] * 3, "q01": [0.1] * 3, "q99": [0.7] * 3}
    (folder / "norm_stats.json").write_text(json.dumps({"norm_stats": {"actions": group}}))
    rows_of(run(folder, "train", "arm.npz", "--out", "arm", "--normalize", "norm_stats.json", "--clip"))
    normalizer = FastTokenizer.from_pretrained(folder / "arm").normalizer.select()
    assert (normalizer.convention, normalizer.clip) == ("openpi", True)
    assert normalizer.statistics.q99 == (0.7,) * 3


def test_modes_and_tokens_as_asked(folder):
    options = ("--normalize", "min_max", "--scheme", "bytes", "--vocab-size", "300", "--max-token-length", "4")
    rows = rows_of(run(folder, "train", "arm.npz", "--out", "arm", *options, "--scale", "4", "--num-threads", "1"))
    assert "(300 asked for), bytes" in rows["vocabulary"]
    tokenizer = FastTokenizer.from_pretrained(folder / "arm")
    assert tokenizer.normalizer.select().mode == "min_max"
    assert tokenizer.scale == 4
    assert max(map(len, tokenizer.codec.tokens)) == 3


def test_what_is_uploaded_has_the_record(folder, monkeypatch, capsys):
    uploaded = {}

    class HfApi:
        def __init__(self, **options):
            pass

        def create_repo(self, repository, **options):
            return types.SimpleNamespace(repo_id=repository)

        def file_exists(self, *arguments, **options):
            return False

        def upload_folder(self, *, folder_path, **options):
            uploaded.update(files_in(Path(folder_path)))
            return types.SimpleNamespace(commit_url="https://hub/commit/1")

    module = types.ModuleType("huggingface_hub")
    module.HfApi = HfApi
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.chdir(folder)
    assert cli.main(["train", "arm.npz", "--out", "arm", "--push-to-hub", "me/arm"]) == 0
    assert capsys.readouterr().out.endswith("uploaded  https://hub/commit/1\n")
    readme = uploaded.pop("README.md").decode()
    assert "in the robot's units" in readme
    assert uploaded == files_in(folder / "arm")


# ---- What goes wrong ---------------------------------------------------------------------------------------


def write_bad(folder, name, episodes):
    write_bad_dataset(folder, name, episodes)
    if name == "file":
        (folder / name).write_text("mine")
    elif name == "bins":
        FastTokenizer(BinningCodec(bins.uniform(-1, 1))).save_pretrained(folder / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.npz"], r"nowhere\.npz: No such file"),
        (["arm.npz", "--key", "poses"], r"arm\.npz: there is no 'poses': found actions"),
        (["nan.npz"], r"nan\.npz: episode 3: actions\[17, 1\] is nan"),
        (["ragged.hdf5"], r"ragged\.hdf5: demo_4: .*2.*expected.*3"),
        (["empty.hdf5"], r"no chunk of 50 steps: the longest of 10 episode\(s\) has 0 steps"),
        (["arm.npz", "--horizon", "200"], r"no chunk of 200 steps: the longest of 10 episode\(s\) has 129 steps"),
        (["arm.npz", "--out", "file/arm"], r"file: is a file, expected a directory"),
        (["arm.npz", "--out", "file"], r"file: is a file, expected a directory"),
        (["arm.npz", "--out", "bins"], r"bins holds another tokenizer, in codec_config\.json"),
        (["arm.npz", "--vocab-size", "5"], r"more than vocab_size 5"),
        (
            ["arm.npz", "--max-error", "1e-7"],
            r"max_error needs a scale of .*: allow a larger error, or raise vocab_size",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(folder, episodes, arguments, message):
    for name in (arguments[0], "file", "bins"):
        write_bad(folder, name, episodes)
    before = files_in(folder)
    out = [] if "--out" in arguments else ["--out", "deep/down/arm"]
    assert_one_line_error(run(folder, "train", *arguments, *out), message)
    assert files_in(folder) == before
    assert not (folder / "deep").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dims", "0,elbow"], "there is no dimension 'elbow'"),
        (["--dims", "0,,1"], "empty name of a dimension"),
        (["--dims", "0", "--held", "1", "--hz", "10"], "dimension 1 is not among those chosen"),
        (["--held", "1"], "--held is for --hz"),
        (["--relative", "1"], "--relative and --state-key go together"),
        (["--normalize", "quantil"], "'quantil': expected quantile, min_max, mean_std, identity, or a file"),
        (["--normalize", "file"], "not readable as JSON"),
        (["--horizon", "0s"], "'0', expected a number above 0"),
        (["--max-error", "1km"], "'1km', expected a number above 0, with or without mm"),
        (["--max-error", "x"], "'x', expected a number above 0"),
        (["--max-error", "0=1mm,2"], "expected a name and a bound"),
        (["--max-error", "0=1mm,0=5mm"], "two bounds of 0 in '0=1mm,0=5mm', expected one"),
        (["--num-threads", "99999999999"], "num_threads is 99999999999: expected 1..4096"),
        (["--horizon", "1e30s"], "--horizon is more than 1000000 steps"),
        (["--horizon", "1e308s"], "--horizon is more than 1000000 steps"),
        (["--horizon", "9" * 400], "--horizon is more than 1000000 steps"),
        (["--hz", "1e300"], "the rate is 1e+300 Hz, that of arm.npz 20 Hz: expected at most 1000 times"),
        (["--out", ""], "got an empty path, expected a directory"),
        (["--max-error", "7=1mm"], "there is no dimension 7"),
        (["--max-error", "1mm", "--scale", "3"], "not allowed with"),
        (["--sample", "0"], "expected a share above 0"),
        (["--hold-out", "1"], "expected a share from 0, below 1"),
        (["--hold-out", "half"], "got 'half', expected a share from 0 to 1"),
        (["--vocab-size", "99999999"], "vocab_size is 99999999: expected 1"),
    ],
)
def test_wrong_options_are_told_in_one_line(folder, monkeypatch, capsys, arguments, message):
    (folder / "file").write_text("mine")
    monkeypatch.chdir(folder)
    assert cli.main(["train", "arm.npz", "--out", "arm", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert message in output.err
    assert not (folder / "arm").exists()


def test_a_horizon_where_the_rate_or_the_chunks_are_known(tmp_path, episodes, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("steps.npy", np.concatenate(episodes))
    np.save("chunks.npy", np.stack([episode[:16] for episode in episodes]))
    train = ["train", "--out", "out"]
    assert cli.main([*train, "steps.npy", "--horizon", "1s"]) == 2
    assert "does not tell its rate: give the horizon in steps" in capsys.readouterr().err
    assert cli.main([*train, "steps.npy", "--hz", "10"]) == 2
    assert "does not tell its rate: it cannot be resampled" in capsys.readouterr().err
    assert cli.main([*train, "steps.npy"]) == 0
    assert "50 steps x 3" in table(capsys.readouterr().out.partition("\n\n")[0])["chunks"]
    assert cli.main([*train, "chunks.npy", "--horizon", "20"]) == 2
    assert "holds chunks of 16 steps: leave the horizon of 20 out" in capsys.readouterr().err
    assert cli.main([*train, "chunks.npy", "--hz", "10"]) == 2
    assert "holds chunks, which are cut already: leave --hz out" in capsys.readouterr().err
    assert cli.main([*train, "chunks.npy"]) == 0
    assert table(capsys.readouterr().out.partition("\n\n")[0])["chunks"].startswith("8 to train, 2 held out: 16")


def test_a_missing_library_is_one_line(tmp_path, episodes, monkeypatch, capsys):
    write_lerobot_v30(tmp_path / "data", episodes)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert cli.main(["train", str(tmp_path / "data"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"fast-tokenizer: to read .*install the extra: .*\[lerobot\]\n", error)


def test_debug_shows_the_traceback(folder):
    result = run(folder, "train", "nowhere.npz", "--out", "arm", "--debug")
    assert result.returncode == 2
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.endswith("fast-tokenizer: nowhere.npz: No such file or directory\n")


# ---- Ctrl-C and bars ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory):
    """Noise, which takes seconds to merge."""
    path = tmp_path_factory.mktemp("noise") / "noise.npz"
    rng = np.random.default_rng(0)
    save_npz(path, [rng.normal(size=(400, 6)).astype(np.float32) for _ in range(20)])
    return path


def test_a_terminal_shows_every_stage_with_its_rate(folder):
    pty = pytest.importorskip("pty", reason="a terminal is needed")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fast_tokenizer", "train", "arm.npz", "--out", "arm", "--max-error", "1cm"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = rest_of(ours).decode()
        assert process.wait(timeout=60) == 0
    os.close(ours)
    for stage in ("reading", "statistics", r"errors at scale [\d.]+", "DCT", "figures"):
        assert re.search(rf"\r{stage} \[#+\] 100% (\d+)/\1 episodes, [\d,.]+/s", seen), stage
    assert re.search(r"\rmerges \[#+ *\] +\d+% \d+/\d+ merges", seen)


@pytest.mark.parametrize("stage", ["reading", "DCT", "merges"])
@pytest.mark.parametrize("exists", [False, True])
def test_ctrl_c_leaves_everything_as_it_was(long_recording, symbols_tokenizer, tmp_path, stage, exists):
    if exists:
        symbols_tokenizer.save_pretrained(tmp_path / "out")
    options = ("--horizon", "50", "--stride", "1", "--vocab-size", "60000", "--scale", "50")
    assert_interruptible(tmp_path, "train", str(long_recording), "--out", "out", *options, stage=stage)
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if exists else [])


# ---- Arguments ---------------------------------------------------------------------------------------------


def test_quantities():
    assert steps_or_seconds("7") == 7
    assert steps_or_seconds("1.5s") == Seconds(1.5)
    assert dimensions("x, 2,left_6") == ["x", 2, "left_6"]
    assert error_limits("3") == 3.0
    assert error_limits("2.5cm") == pytest.approx(0.025)
    assert error_limits("1e-3m") == 0.001
    assert error_limits("0.5 rad") == 0.5
    assert error_limits("180deg") == pytest.approx(np.pi)
    assert error_limits("x=1mm,3=2") == {"x": 0.001, 3: 2.0}
