"""Heads in files: every head comes back as it was, and a file that is not one is named."""

import json
from pathlib import Path

import numpy as np
import pytest
from frameworks import import_or_skip

torch = import_or_skip("torch")
safetensors = import_or_skip("safetensors")

from heads_under_test import DIFFUSERS_WARN  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from fast_tokenizer import FastTokenizer  # noqa: E402
from fast_tokenizer.codecs import BinningCodec  # noqa: E402
from fast_tokenizer.codecs.bins import quantiles  # noqa: E402
from fast_tokenizer.codecs.bins import uniform as uniform_bins  # noqa: E402
from fast_tokenizer.diffusion.orders import GroupedByTimeStep, LowFrequencyFirst  # noqa: E402
from fast_tokenizer.errors import FormatError, HeadError  # noqa: E402
from fast_tokenizer.heads import (  # noqa: E402
    AutoregressiveTokensHead,
    BinningHead,
    Condition,
    DiffusionHead,
    FlowMatchingHead,
    GaussianMixtureHead,
    MaskedDiffusionHead,
    RegressionHead,
    TransformerTrunk,
    averaged_weights,
    checkpoints,
    load_head,
    save_head,
)
from fast_tokenizer.heads.options import as_json, from_json  # noqa: E402

H, D, C = 4, 3, 5
BINS = uniform_bins(-3, 3, count=16)
OWN_BINS = quantiles(np.random.default_rng(0).normal(size=(200, D)), count=16)
FAST = FastTokenizer.fit(np.random.default_rng(0).normal(size=(60, H, D)), vocab_size=300).codec

HEADS = {
    "mse": (RegressionHead, {}),
    "l1": (RegressionHead, {"distance": "l1"}),
    "mixture": (GaussianMixtureHead, {"components": 3}),
    "flow": (FlowMatchingHead, {"solver": "midpoint", "spacing": "quadratic"}),
    "bins": (BinningHead, {"bins": OWN_BINS}),
    "bins, one by one": (AutoregressiveTokensHead, {"codec": BinningCodec(BINS)}),
    "tokens": (AutoregressiveTokensHead, {"codec": FAST, "max_length": 10}),
    "masked diffusion": (MaskedDiffusionHead, {"codec": BinningCodec(OWN_BINS), "order": GroupedByTimeStep(D)}),
    "masked diffusion, tokens": (MaskedDiffusionHead, {"codec": FAST, "length": H * D}),
    "ddim": (
        DiffusionHead,
        {"sampler": "ddim", "prediction": "v", "training_steps": 50, "clip": None, "spacing": "quadratic"},
    ),
    "dpm++": (DiffusionHead, {"sampler": "dpm++"}),
}
CONDITION = Condition(torch.randn(3, 2, C, generator=torch.Generator().manual_seed(1)))


pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings(DIFFUSERS_WARN)]


def make(name="flow", trunk=None):
    torch.manual_seed(0)
    kind, options = HEADS[name]
    if kind is DiffusionHead:
        import_or_skip("diffusers")
    if trunk is None:
        trunk = TransformerTrunk(C, width=12, layers=2, heads=3)
    head = kind(trunk, horizon=H, action_dim=D, **options)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head


def samples_of(head):
    condition = Condition(CONDITION.tokens.to(next(head.parameters()).dtype))
    return head.sample(condition, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "head.safetensors"


# ---- What was saved comes back -------------------------------------------------------------------------------


def test_every_class_of_heads_is_tried():
    assert {kind for kind, _ in HEADS.values()} == set(checkpoints._HEADS.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_comes_back_as_it_was(name, dtype, path):
    head = make(name).to(dtype)
    save_head(head, path)
    state = torch.get_rng_state()
    again = load_head(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(again) is type(head)
    assert again.info() == head.info()
    assert again.get_config() == head.get_config()
    assert {key: value.dtype for key, value in again.state_dict().items()} == dict.fromkeys(
        head.state_dict(), dtype
    )
    assert torch.equal(samples_of(again), samples_of(head))


def test_a_loaded_head_can_be_trained_on(path):
    head = make()
    head.trunk.requires_grad_(False)
    save_head(head, path)
    again = load_head(path)
    again.loss(CONDITION, torch.zeros(3, H, D)).backward()
    assert all(parameter.grad is not None for parameter in again.parameters())


def test_averaged_weights_are_a_head(path):
    head = make()
    averaged = averaged_weights(head)
    averaged.update_parameters(head)
    save_head(averaged.module, path)
    assert torch.equal(samples_of(load_head(path)), samples_of(head))


class TiedTrunk(TransformerTrunk):
    """A trunk of someone's own, which has one tensor under two names, and one that no training changes."""

    def __init__(self, condition_dim):
        super().__init__(condition_dim, width=12, layers=2, heads=3)
        self.layers[1].mix.weight = self.layers[0].mix.weight
        self.register_buffer("steps", torch.tensor(7))


def test_a_trunk_of_ones_own_takes_over_its_weights(path):
    head = make(trunk=TiedTrunk(C))
    save_head(head, path)
    with pytest.raises(FormatError, match=r"saved on a TiedTrunk, .*: give one, load_head\(path, trunk\)"):
        load_head(path)
    torch.manual_seed(9)
    trunk = TiedTrunk(C)
    trunk.steps.fill_(0)
    again = load_head(path, trunk)
    assert again.trunk is trunk
    assert trunk.layers[1].mix.weight is trunk.layers[0].mix.weight
    assert trunk.steps == 7
    assert torch.equal(samples_of(again), samples_of(head))


class TrunkElsewhere:
    """No module: its weights are not the head's."""

    def __init__(self, trunk):
        self.trunk, self.width, self.remember = trunk, trunk.width, trunk.remember

    def __call__(self, *arguments, **options):
        return self.trunk(*arguments, **options)


def test_a_trunk_that_is_no_module_keeps_its_weights_to_itself(path):
    trunk = TrunkElsewhere(TransformerTrunk(C, width=12, layers=1, heads=2))
    head = make(trunk=trunk)
    save_head(head, path)
    assert not [name for name in load_file(path) if name.startswith("trunk")]
    assert torch.equal(samples_of(load_head(path, trunk)), samples_of(head))


def test_codecs_and_orders_are_options():
    fast = FastTokenizer.fit(np.random.default_rng(0).normal(size=(20, 8, 2)), vocab_size=300).codec
    for option in (None, True, 3, 0.5, "euler", BINS, BinningCodec(BINS), fast, LowFrequencyFirst(3)):
        written = json.loads(json.dumps(as_json("option", option)))
        assert from_json(written) == option


def test_an_old_file_is_replaced_whole_or_not_at_all(path, monkeypatch):
    save_head(make("mse"), path)
    before = path.read_bytes()

    def interrupted(place, content):
        place.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_head(make(), path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_others_may_read_it_as_any_file(path):
    save_head(make(), path)
    plain = path.with_name("plain")
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


# ---- What cannot be saved ------------------------------------------------------------------------------------


class OwnHead(RegressionHead):
    pass


def test_what_cannot_be_saved_is_named(path):
    with pytest.raises(HeadError, match="cannot save a OwnHead: expected one of AutoregressiveTokensHead, "):
        save_head(OwnHead(TransformerTrunk(C), horizon=H, action_dim=D), path)
    head = make()
    head.solver = torch.sin
    with pytest.raises(HeadError, match="solver is of builtin_function_or_method: expected a number, text, bins"):
        save_head(head, path)
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        save_head(make(), path.parent / "missing" / "head.safetensors")
    assert list(path.parent.iterdir()) == []


# ---- Files that are none -------------------------------------------------------------------------------------


def rewrite(path, change_tensors=None, change_description=None, metadata=None):
    """The file of a flow head with something else in it."""
    save_head(make(), path)
    with safetensors.safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["fast_tokenizer"])
    tensors = load_file(path)
    if change_tensors:
        change_tensors(tensors)
    if change_description:
        change_description(description)
    save_file(tensors, path, {"fast_tokenizer": json.dumps(description)} if metadata is None else metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("into.bias"), "'into.bias' in .*: the tensor is missing"),
        (
            lambda tensors: tensors.update(extra=torch.zeros(1)),
            "'extra' in .*: a FlowMatchingHead .* no such tensor",
        ),
        (
            lambda tensors: tensors.update({"out.bias": torch.zeros(D + 1)}),
            r"'out.bias' in .*: is torch.float32 of shape \[4\], expected shape \[3\]",
        ),
        (
            lambda tensors: tensors.update({"out.bias": torch.zeros(D, dtype=torch.int64)}),
            "'out.bias' in .*: is torch.int64 of shape .* a type like torch.float32",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(path, change, message):
    rewrite(path, change_tensors=change)
    with pytest.raises(FormatError, match=message):
        load_head(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one.update(format_version=2), "'format_version' in .*: got 2, expected 1: a newer release"),
        (lambda one: one.pop("format_version"), "'format_version' in .*: missing"),
        (lambda one: one.pop("head"), "'head' in .*: missing"),
        (lambda one: one.update(head=[]), r"'head' in .*: got \[\], expected dict"),
        (
            lambda one: one["head"].update({"class": "os.system"}),
            "'head.class' in .*: got 'os.system', expected one of",
        ),
        (lambda one: one["head"].update({"class": 3}), "'head.class' in .*: got 3, expected str"),
        (lambda one: one["head"]["options"].update(horizon=0), "'head.options' in .*: .*: horizon is 0"),
        (
            lambda one: one["head"]["options"].update(horizon="4"),
            "'head.options' in .*: not the options of a Flow",
        ),
        (lambda one: one["head"]["options"].pop("horizon"), "'head.options' in .*: .*'horizon'"),
        (lambda one: one["head"]["options"].update(other=1), "'head.options' in .*: .*'other'"),
        (lambda one: one["head"]["options"].update(solver={"codec": "x"}), "'head.options.codec' in .*: got 'x'"),
        (
            lambda one: one["head"]["options"].update(solver={"a": 1}),
            "'head.options' in .*: .* expected bins, a codec",
        ),
        (lambda one: one["head"]["options"].update(solver={"bins": {}}), "'head.options' in .*: .*'name'"),
        (lambda one: one["head"]["options"].update(solver={"order": []}), "'head.options' in .*: "),
        (lambda one: one["trunk"]["options"].update(width=7), "'trunk.options' in .*: .*width 7"),
        (
            lambda one: one["trunk"]["options"].update(condition_dim=-1),
            "'trunk.options' in .*: not the options of a",
        ),
        (lambda one: one["trunk"]["options"].update(width=24), "'places' in .*: is .* expected shape"),
        # Petabytes, of which none is asked for before shapes are compared.
        (lambda one: one["trunk"]["options"].update(width=60_000_000), r"'places' in .*: .* \[4, 60000000\]"),
        (
            lambda one: one["trunk"].update({"class": "Other"}),
            "'trunk.class' in .*: .* a Other, which a file cannot",
        ),
    ],
)
def test_descriptions_that_are_none_are_named(path, change, message):
    rewrite(path, change_description=change)
    with pytest.raises(FormatError, match=message):
        load_head(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "'fast_tokenizer' in .*: was not written by save_head"),
        ({"fast_tokenizer": "{"}, "not a readable description of a head"),
        ({"fast_tokenizer": "[1]"}, "'fast_tokenizer' in .*: holds a list, expected an object"),
    ],
)
def test_files_of_others_are_named(path, metadata, message):
    rewrite(path, metadata=metadata)
    with pytest.raises(FormatError, match=message):
        load_head(path)


def test_every_cut_file_is_named(path):
    save_head(make("mse"), path)
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"head\.safetensors: not a readable safetensors file"):
            load_head(path)
    path.write_bytes(b"\x80\x04" + whole[2:])  # as a pickle begins
    with pytest.raises(FormatError, match="not a readable safetensors file"):
        load_head(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(FormatError, match=r"head\.safetensors: not a readable safetensors file \(No such file"):
        load_head(path)
