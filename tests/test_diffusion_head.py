"""The diffusion head: against diffusers' own schedulers, and against the formulas."""

import contextlib
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

torch = import_or_skip("torch")
diffusers = import_or_skip("diffusers")

from heads_under_test import ACTIONS, CONDITION, DIFFUSERS_WARN, C, D, H, near, seeded  # noqa: E402

from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import Condition, DiffusionHead, TransformerTrunk  # noqa: E402
from fast_tokenizer.heads.random_draws import normal, uniform  # noqa: E402
from fast_tokenizer.heads.spacing import quadratic_steps  # noqa: E402

T = 100
SAMPLERS = ("ddpm", "ddim", "dpm++")
PREDICTIONS = {"epsilon": "epsilon", "sample": "sample", "v": "v_prediction"}
"""Our names, and those of diffusers."""

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings(DIFFUSERS_WARN)]


def make(sampler="ddpm", dtype=torch.float32, **options):
    torch.manual_seed(0)
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    head = DiffusionHead(trunk, horizon=H, action_dim=D, sampler=sampler, **options).to(dtype)
    with torch.no_grad():  # no parameter is zero, as after a training
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head


# ---- Samples -----------------------------------------------------------------------------------------------


def plain_loop(head, scheduler, num_steps, noise, timesteps=None, **step_options):
    """What a script with diffusers does, step by step."""
    scheduler.set_timesteps(num_steps, **({} if timesteps is None else {"timesteps": timesteps}))
    memory = head.trunk.remember(CONDITION)
    chunk = noise
    for t in scheduler.timesteps:
        prediction = head.predict(chunk, t.expand(4), memory)
        chunk = scheduler.step(prediction, t, chunk, **step_options).prev_sample
    return chunk


def noise_from(generator):
    return torch.randn(4, H, D, generator=generator)


def settings_of_diffusers(head, **more):
    return {
        "num_train_timesteps": head.training_steps,
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": PREDICTIONS[head.prediction],
        **more,
    }


@pytest.mark.parametrize("clip", [None, 1.0, 2.0])
@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("num_steps", [T, 20])
def test_ddpm_is_that_of_diffusers(prediction, clip, num_steps):
    head = make("ddpm", prediction=prediction, clip=clip)
    scheduler = diffusers.DDPMScheduler(
        **settings_of_diffusers(head, clip_sample=clip is not None, clip_sample_range=clip or 1.0),
        variance_type="fixed_small",
    )
    generator = seeded(3)
    with torch.no_grad():
        expected = plain_loop(head, scheduler, num_steps, noise_from(generator), generator=generator)
    found = head.sample(CONDITION, generator=seeded(3), num_steps=num_steps)
    assert near(found, expected, 1e-3)


@pytest.mark.parametrize("clip", [None, 1.0, 2.0])
@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("num_steps", [1, 8, 10, T])
def test_ddim_is_that_of_diffusers(prediction, clip, num_steps):
    head = make("ddim", prediction=prediction, clip=clip)
    scheduler = diffusers.DDIMScheduler(
        **settings_of_diffusers(head, clip_sample=clip is not None, clip_sample_range=clip or 1.0)
    )
    with torch.no_grad():
        expected = plain_loop(head, scheduler, num_steps, noise_from(seeded(3)), use_clipped_model_output=True)
    assert near(head.sample(CONDITION, generator=seeded(3), num_steps=num_steps), expected, 1e-3)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("num_steps", [1, 7, 10, 30, T - 2])
def test_dpm_is_that_of_diffusers(prediction, num_steps):
    head = make("dpm++", prediction=prediction, clip=None)
    scheduler = diffusers.DPMSolverMultistepScheduler(**settings_of_diffusers(head, lambda_min_clipped=-5.1))
    with torch.no_grad():
        expected = plain_loop(head, scheduler, num_steps, noise_from(seeded(3)))
    assert near(head.sample(CONDITION, generator=seeded(3), num_steps=num_steps), expected, 1e-3)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("num_steps", [1, 5, 10, 40])
def test_quadratic_dpm_is_that_of_diffusers(prediction, num_steps):
    head = make("dpm++", prediction=prediction, clip=None, spacing="quadratic")
    scheduler = diffusers.DPMSolverMultistepScheduler(**settings_of_diffusers(head))
    squares = quadratic_steps(num_steps, T - T // 10)
    with torch.no_grad():
        expected = plain_loop(head, scheduler, None, noise_from(seeded(3)), timesteps=squares)
    assert near(head.sample(CONDITION, generator=seeded(3), num_steps=num_steps), expected, 1e-3)


@given(last=st.integers(1, 200), count=st.integers(1, 200))
def test_quadratic_steps_are_distinct_and_near_squares(last, count):
    count = min(count, last)
    steps = quadratic_steps(count, last)
    assert len(steps) == count
    assert steps[0] == last
    assert all(before > after for before, after in pairwise(steps))
    squares = [last * Fraction(count - 1 - at, max(1, count - 1)) ** 2 for at in range(count)]
    if count == 1:
        squares = [Fraction(last)]
    assert all(step >= square - Fraction(1, 2) for step, square in zip(steps, squares, strict=True))
    # One that is above its square is there because the steps below it are one apart.
    for at, (step, square) in enumerate(zip(steps, squares, strict=True)):
        assert step <= square + Fraction(1, 2) or step == count - 1 - at


def kept_signal(steps):
    """Of Nichol and Dhariwal 2021 (arXiv 2102.09672), equation 17: the share of signal in the variance."""

    def remaining(t):
        return math.cos((t / steps + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - remaining(t + 1) / remaining(t), 0.999) for t in range(steps)]
    return np.cumprod(1 - np.array(betas))


def estimate(head, chunk, t, kept):
    """The actions that predicted noise leaves, clipped."""
    memory = head.trunk.remember(Condition(CONDITION.tokens.double()))
    with torch.no_grad():
        noise = head.predict(torch.tensor(chunk), torch.full((4,), t), memory).numpy()
    return np.clip((chunk - np.sqrt(1 - kept) * noise) / np.sqrt(kept), -head.clip, head.clip)


def test_ddpm_draws_from_the_posterior():
    """Of Ho et al. 2020, equations 6 and 7, with the variance that is the least of the two they give."""
    head, kept, generator = make("ddpm", torch.float64), kept_signal(T), seeded(3)
    chunk = normal((4, H, D), ACTIONS.double(), generator).numpy()
    for t in reversed(range(T)):
        now, before = kept[t], kept[t - 1] if t else 1.0
        beta = 1 - now / before
        actions = estimate(head, chunk, t, now)
        mean = (
            math.sqrt(before) * beta / (1 - now) * actions + math.sqrt(1 - beta) * (1 - before) / (1 - now) * chunk
        )
        variance = (1 - before) / (1 - now) * beta
        noise = normal((4, H, D), ACTIONS.double(), generator).numpy() if t else 0.0
        chunk = mean + math.sqrt(variance) * noise
    found = head.sample(Condition(CONDITION.tokens.double()), generator=seeded(3))
    assert near(found, torch.tensor(chunk), 1e-4)


@pytest.mark.parametrize("num_steps", [5, 10, 50])
@pytest.mark.parametrize("spacing", ["even", "quadratic"])
def test_ddim_goes_along_its_noise(num_steps, spacing):
    """Of Song et al. 2021, equation 12, without noise; the noise is what the clipped actions leave."""
    head, kept = make("ddim", torch.float64, spacing=spacing), kept_signal(T)
    steps = list(range(T - T // num_steps, -1, -T // num_steps))
    if spacing == "quadratic":
        steps = head._scheduler_of(num_steps).timesteps.tolist()
    chunk = normal((4, H, D), ACTIONS.double(), seeded(3)).numpy()
    for t, later in zip(steps, [*steps[1:], None], strict=True):
        before = 1.0 if later is None else kept[later]
        actions = estimate(head, chunk, t, kept[t])
        noise = (chunk - math.sqrt(kept[t]) * actions) / math.sqrt(1 - kept[t])
        chunk = math.sqrt(before) * actions + math.sqrt(1 - before) * noise
    found = head.sample(Condition(CONDITION.tokens.double()), generator=seeded(3), num_steps=num_steps)
    assert near(found, torch.tensor(chunk), 1e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samples_stay_within_the_clip(sampler):
    head = make(sampler, clip=0.3)
    with torch.no_grad():
        head.out.weight.mul_(50)
    most = head.sample(CONDITION, generator=seeded(3)).abs().max()
    assert 0.29 < most <= 0.3 + 1e-6


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_temperature_scales_all_noise(sampler, monkeypatch):
    """Where the network is linear, so are samples."""
    head = make(sampler, prediction="sample", clip=None)
    monkeypatch.setattr(head, "predict", lambda noisy, steps, memory: 0.9 * noisy)
    one, three, none = (
        head.sample(CONDITION, generator=seeded(3), temperature=temperature) for temperature in (1.0, 3.0, 0.0)
    )
    assert near(three, 3 * one, 1e-4)
    assert one.abs().max() > 1e-4
    assert (none == 0).all()


def test_without_noise_no_generator_matters():
    head = make("ddpm")
    first, second = (head.sample(CONDITION, generator=seeded(seed), temperature=0) for seed in (3, 4))
    assert torch.equal(first, second)


@pytest.mark.parametrize("training_steps", [20, 50, T])
@pytest.mark.parametrize(
    ("sampler", "spacing"), [*((one, "even") for one in SAMPLERS), ("ddim", "quadratic"), ("dpm++", "quadratic")]
)
def test_steps_begin_in_the_noise_or_are_refused(sampler, spacing, training_steps):
    options = {"sampler": sampler, "spacing": spacing, "training_steps": training_steps}
    head = DiffusionHead(AnyTrunk(), horizon=1, action_dim=1, **options)
    taken = []
    for num_steps in range(1, training_steps + 20):
        with contextlib.suppress(HeadError):
            times = head._scheduler_of(num_steps).timesteps.tolist()
            taken.append(num_steps)
            assert len(set(times)) == num_steps
            assert times == sorted(times, reverse=True)
            length = training_steps // num_steps
            assert times[0] >= training_steps - max(3, 2 * length, training_steps // 10)
    if spacing == "quadratic":
        assert taken == list(range(1, training_steps - training_steps // 10 + 1))
    elif sampler == "dpm++":
        assert taken == list(range(1, training_steps - 1))
    else:
        assert taken == sorted({training_steps // length for length in range(1, training_steps + 1)})


class AnyTrunk:
    """Enough of a trunk to make a head of."""

    width = 2


def test_threads_do_not_disturb_each_other():
    """Schedulers remember where they are: no two samples share one."""
    head = make("dpm++")
    alone = [head.sample(CONDITION, generator=seeded(seed)) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: head.sample(CONDITION, generator=seeded(seed)), range(8)))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


# ---- The loss ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_loss_is_the_formula(prediction):
    head, kept = make(prediction=prediction), torch.tensor(kept_signal(T), dtype=torch.float32)
    generator = seeded(8)
    steps = (uniform((4,), ACTIONS, generator) * T).long()
    noise = normal((4, H, D), ACTIONS, generator)
    total = 0.0
    for row in range(4):
        alpha, sigma = kept[steps[row]].sqrt(), (1 - kept[steps[row]]).sqrt()
        noisy = alpha * ACTIONS[row] + sigma * noise[row]
        targets = {"epsilon": noise[row], "sample": ACTIONS[row], "v": alpha * noise[row] - sigma * ACTIONS[row]}
        memory = head.trunk.remember(Condition(CONDITION.tokens[row : row + 1]))
        said = head.predict(noisy[None], steps[row : row + 1], memory)[0]
        total = total + (said - targets[prediction]).square().mean() / 4
    assert near(head.loss(CONDITION, ACTIONS, generator=seeded(8)), total, 1e-4)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_loss_is_that_of_a_script_with_diffusers(prediction):
    head = make(prediction=prediction)
    scheduler = diffusers.DDPMScheduler(**settings_of_diffusers(head))
    generator = seeded(8)
    steps = (uniform((4,), ACTIONS, generator) * T).long()
    noise = normal((4, H, D), ACTIONS, generator)
    noisy = scheduler.add_noise(ACTIONS, noise, steps)
    target = {"epsilon": noise, "sample": ACTIONS, "v": scheduler.get_velocity(ACTIONS, noise, steps)}[prediction]
    said = head.predict(noisy, steps, head.trunk.remember(CONDITION))
    expected = torch.nn.functional.mse_loss(said, target)
    assert near(head.loss(CONDITION, ACTIONS, generator=seeded(8)), expected, 1e-4)


def test_every_step_is_trained_alike(monkeypatch):
    head, seen = make(), []
    monkeypatch.setattr(head, "predict", lambda noisy, steps, memory: seen.append(steps) or noisy)
    many = Condition.of(torch.zeros(50_000, C))
    head.loss(many, torch.zeros(50_000, H, D), generator=seeded())
    counts = torch.cat(seen).bincount(minlength=T)
    assert len(counts) == T
    assert (counts - 500).abs().max() < 5 * math.sqrt(500)


# ---- What it learns, and what it refuses -------------------------------------------------------------------


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_half_precision_is_near_full_precision(sampler):
    head = make(sampler, torch.bfloat16)
    condition = Condition(CONDITION.tokens.bfloat16())
    sample = head.sample(condition, generator=seeded())
    in_full = make(sampler).sample(Condition(condition.tokens.float()), generator=seeded())
    assert (sample.float() - in_full).abs().mean() < 0.1


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_it_learns_the_chunk_that_it_is_shown(prediction):
    chunk = torch.linspace(-0.5, 0.5, H * D).reshape(1, H, D)
    head, generator = make(prediction=prediction), seeded()
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=300)
    many = Condition.of(torch.ones(64, C))
    for _ in range(300):
        optimizer.zero_grad()
        head.loss(many, chunk.expand(64, -1, -1), generator=generator).backward()
        optimizer.step()
        slower.step()
    for sampler in SAMPLERS:
        sampling = make(sampler, prediction=prediction)
        sampling.load_state_dict(head.state_dict())
        samples = sampling.sample(Condition.of(torch.ones(8, C)), generator=generator)
        assert (samples - chunk).abs().mean() < 0.1


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_compiled_trunk_samples_the_same(sampler):
    head = make(sampler)
    expected = head.sample(CONDITION, generator=seeded(3), num_steps=5)
    torch._dynamo.reset()
    head.trunk.compile(backend="eager")
    assert near(head.sample(CONDITION, generator=seeded(3), num_steps=5), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "ode"}, "sampler is 'ode': expected one of 'ddpm', 'ddim', 'dpm"),
        ({"prediction": "x0"}, "prediction is 'x0': expected one of 'epsilon', 'sample', 'v'"),
        ({"training_steps": 0}, "training_steps is 0: expected 20 or more, a multiple of 10"),
        ({"training_steps": 97}, "training_steps is 97"),
        ({"clip": 0.0}, "clip is 0.0: expected a number above 0, or None"),
        ({"clip": math.nan}, "clip is nan"),
        ({"spacing": "cubic"}, "spacing is 'cubic': expected 'even' or 'quadratic'"),
        ({"spacing": "quadratic"}, "spacing is 'quadratic' and sampler 'ddpm'"),
        ({"horizon": 0}, "horizon is 0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(HeadError, match=message):
        DiffusionHead(AnyTrunk(), **{"horizon": H, "action_dim": D, **options})


@pytest.mark.parametrize(
    ("sampler", "num_steps", "message"),
    [
        ("ddim", 0, "num_steps is 0: expected 1 or more"),
        ("ddim", 101, "num_steps is 101: expected at most 100, as training had 100"),
        ("ddim", 60, "num_steps is 60: expected 50 or 100, which go through the 100 steps"),
        ("ddpm", 30, "num_steps is 30: expected 25 or 33"),
        ("dpm++", 99, "num_steps is 99: expected at most 98"),
    ],
)
def test_bad_numbers_of_steps_are_named(sampler, num_steps, message):
    with pytest.raises(HeadError, match=message):
        make(sampler).sample(CONDITION, num_steps=num_steps)


def test_without_diffusers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match=r"pip install fast_tokenizer\[diffusion\]"):
        DiffusionHead(AnyTrunk(), horizon=H, action_dim=D)
