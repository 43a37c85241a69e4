"""The lab's closed loop: what needs no simulator on a fake one, the rest where Meta-World is installed."""

import sys
import warnings

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

torch = import_or_skip("torch")

from fast_tokenizer.errors import FastTokenizerError, TrainingError  # noqa: E402
from fast_tokenizer.heads import Condition, RegressionHead, TransformerTrunk  # noqa: E402
from fast_tokenizer.lab.closed_loop.demonstrations import record  # noqa: E402
from fast_tokenizer.lab.closed_loop.observation_scale import ObservationScale  # noqa: E402
from fast_tokenizer.lab.closed_loop.robots import Ending  # noqa: E402
from fast_tokenizer.lab.closed_loop.rollouts import roll_out, roll_out_expert  # noqa: E402
from fast_tokenizer.lab.closed_loop.state_policy import StatePolicy  # noqa: E402
from fast_tokenizer.lab.closed_loop.two_sided import PILLAR_RADIUS, TwoSidedRobot  # noqa: E402
from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk  # noqa: E402
from fast_tokenizer.lab.experiment import Choice, Outcome  # noqa: E402
from fast_tokenizer.lab.experiments.simulator import SIMULATOR  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

H, D = 16, 4
ALWAYS = {"execute": 8, "max_steps": 200, "progress": lambda done: None}


class Glider:
    """A hand that goes a centimetre a step at full speed; the task is done where it is above the object."""

    def __init__(self):
        self.steps = 0
        self.given = []

    def reset(self, seed):
        self.seed = seed
        self.hand = np.array([0.0, 0.4, 0.2])
        self.object = np.array([np.random.default_rng(seed).uniform(-0.1, 0.1), 0.85, 0.2])
        self.ending = Ending(False)

    @property
    def seen(self):
        return np.concatenate([self.hand, [1.0], self.object, np.zeros(32)])

    def expert_action(self):
        return np.append(np.clip(25 * (self.object - self.hand), -1, 1), 1.0)

    def step(self, action):
        self.steps += 1
        self.given.append(np.array(action))
        self.hand = self.hand + 0.01 * np.clip(action, -1, 1)[:3]
        self.ending = Ending(self.ending.succeeded or np.linalg.norm(self.object - self.hand) < 0.03)


def straight(seen):
    """A policy: towards the object, at half of the speed."""
    way = seen[:, 4:7] - seen[:, :3]
    speed = 0.5 * way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 0.02)
    return np.repeat(np.pad(speed, ((0, 0), (0, 1)))[:, None], H, axis=1)


def nowhere(seen):
    return np.zeros((len(seen), H, D))


@pytest.fixture
def two_sided():
    return TwoSidedRobot(Glider())


# The way with two sides.


@given(st.integers(0, 10_000))
def test_the_expert_goes_round_the_pillar_on_the_side_of_the_seed(seed):
    robot = TwoSidedRobot(Glider())
    (ending,) = roll_out_expert(robot, [seed], max_steps=200)
    assert ending == Ending(succeeded=True, hit_pillar=False, went_left=seed % 2 == 0)


def test_both_sides_begin_alike(two_sided):
    first, actions = [], []
    for seed in (6, 7):
        two_sided.reset(seed)
        first.append(two_sided.seen)
        actions.append(two_sided.expert_action())
    np.testing.assert_array_equal(*first)
    left, right = actions
    assert left[0] < 0 < right[0]  # seen along the way, which is that of y
    np.testing.assert_array_equal(left[2:], right[2:])  # height and gripper are the expert's
    assert np.abs(actions).max() <= 1


def test_another_pair_of_seeds_begins_elsewhere(two_sided):
    two_sided.reset(6)
    one = two_sided.seen
    two_sided.reset(8)
    assert (one != two_sided.seen).any()


def test_the_mean_of_both_sides_hits_the_pillar(two_sided):
    """And so does the straight way, which a policy takes that knows of no side."""
    endings = roll_out(straight, [two_sided], range(4), **ALWAYS)
    assert endings == [Ending(succeeded=False, hit_pillar=True)] * 4
    two_sided.reset(0)
    assert np.linalg.norm(two_sided.pillar - [0, 0.4]) > 2 * PILLAR_RADIUS


def test_the_pillar_is_a_circle(two_sided):
    two_sided.reset(0)
    robot = two_sided._robot
    for angle in np.linspace(0, 6, 7):
        place = two_sided.pillar + 1.02 * PILLAR_RADIUS * np.array([np.cos(angle), np.sin(angle)])
        robot.hand = np.append(place, 0.2)
        two_sided.step(np.zeros(D))
        assert not two_sided.ending.hit_pillar
    robot.hand = np.append(two_sided.pillar + 0.7 * PILLAR_RADIUS, 0.2)  # in both directions
    two_sided.step(np.zeros(D))
    assert two_sided.ending.hit_pillar
    two_sided.reset(0)
    assert two_sided.ending == Ending(False)


def test_a_side_is_that_of_the_first_passing(two_sided):
    two_sided.reset(0)
    robot = two_sided._robot
    robot.hand = np.array([0.3, 0.5, 0.2])
    two_sided.step(np.zeros(D))
    assert two_sided.ending.went_left is None
    for x, passed_left in ((0.3, False), (-0.3, False)):
        robot.hand = np.array([x, 0.8, 0.2])
        two_sided.step(np.zeros(D))
        assert two_sided.ending.went_left is passed_left


# Demonstrations.


def test_demonstrations_are_the_expert_without_its_noise():
    robot = Glider()
    shown = record(robot, [0, 1, 2], horizon=H, noise=0.2, max_steps=100, progress=lambda done: None)
    assert shown.chunks.shape[1:] == (H, D)
    assert len(shown.observations) == len(shown.chunks)
    expected = np.clip(25 * (shown.observations[:, 4:7] - shown.observations[:, :3]), -1, 1)
    np.testing.assert_array_equal(shown.chunks[:, 0, :3], expected)
    np.testing.assert_array_equal(shown.chunks[:, :, 3], 1)
    given = np.stack(robot.given)
    assert 0.1 < np.std(given[:30, 1] - 1) < 0.3  # full speed ahead, and noise
    np.testing.assert_array_equal(given[:, 3], 1)  # none on the gripper
    # Of each episode there is a chunk for every step up to the success, and what follows is there for the last.
    assert len(shown.chunks) == robot.steps - 3 * (H - 1)


def test_demonstrations_depend_on_their_seeds_alone():
    def shown(seeds):
        return record(Glider(), seeds, horizon=H, noise=0.2, max_steps=100, progress=lambda done: None)

    np.testing.assert_array_equal(shown([3, 4]).chunks, shown([3, 4]).chunks)
    assert not np.array_equal(shown([3]).chunks[:5], shown([4]).chunks[:5])


def test_what_the_expert_fails_at_is_not_shown():
    class Fickle(Glider):
        def expert_action(self):
            return super().expert_action() * (self.seed != 1)

    told = []
    options = {"horizon": H, "noise": 0.0, "max_steps": 100, "progress": told.append}
    shown = record(Fickle(), [0, 1, 2, 3], **options)
    assert told == [1, 2, 3, 4]
    np.testing.assert_array_equal(shown.chunks, record(Fickle(), [0, 2, 3], **options).chunks)
    with pytest.raises(TrainingError, match="failed in all of 1 episodes of 100 steps"):
        record(Fickle(), [1], **options)


# Observations.


@given(hnp.arrays(np.float64, (7, 3), elements=st.floats(-10, 10)), st.floats(-10, 10), st.floats(-1e-9, 1e-9))
def test_what_hardly_varies_does_not_blow_up(varying, constant, shake):
    steady = np.column_stack([np.full(7, constant), constant + shake * np.arange(7)])
    observations = np.column_stack([varying, steady])
    scale = ObservationScale.of(observations)
    scaled = scale(observations)
    assert np.abs(scaled[:, 3:]).max() < 1e-5
    assert np.abs(scaled).max() <= 5
    np.testing.assert_allclose(scaled[:, :3].mean(axis=0), 0, atol=1e-6)
    wide = varying.std(axis=0) > 0.01
    np.testing.assert_allclose(scaled[:, :3].std(axis=0)[wide], 1, atol=1e-6)
    assert np.abs(scale(observations + 1e6)).max() == 5


# Policies in closed loop.


def test_episodes_are_scored_and_told():
    told = []
    robots = [Glider() for _ in range(3)]
    endings = roll_out(straight, robots, range(7), execute=8, max_steps=150, progress=told.append)
    assert endings == [Ending(True)] * 7
    assert told == [3, 6, 7]
    assert roll_out(nowhere, robots, range(4), **ALWAYS) == [Ending(False)] * 4


def test_a_robot_that_has_done_its_task_waits_for_the_others():
    class Near(Glider):
        def reset(self, seed):
            super().reset(seed)
            self.object = self.hand + np.array([0, 0.052 + 0.2 * seed, 0])

    robots = [Near(), Near()]
    roll_out(straight, robots, [0, 1], **ALWAYS)
    assert robots[0].steps == 5  # from 5.2 cm to under 3
    assert robots[1].steps == 45


def test_eight_steps_of_a_chunk_are_carried_out():
    asked = []

    def policy(seen):
        asked.append(len(seen))
        return nowhere(seen)

    robots = [Glider(), Glider()]
    roll_out(policy, robots, range(3), execute=8, max_steps=20, progress=lambda done: None)
    assert asked == [2, 2, 2, 1, 1, 1]
    assert [robot.steps for robot in robots] == [40, 20]


def test_the_expert_is_scored():
    assert roll_out_expert(Glider(), range(3), max_steps=100) == [Ending(True)] * 3
    assert roll_out_expert(Glider(), range(3), max_steps=20) == [Ending(False)] * 3


@pytest.mark.parametrize("name", ["regression", "bins", "masked", "fast"])
def test_a_policy_notes_what_it_took(name):
    chunks = np.random.default_rng(0).uniform(-1, 1, (40, H, D)).cumsum(axis=1) / 8
    torch.manual_seed(0)
    head = make_head(name, make_trunk(39, width=16, layers=1), chunks)
    scale = ObservationScale(np.zeros(39), np.ones(39))
    seen = np.random.default_rng(1).normal(size=(3, 39))
    policy, again = (StatePolicy(head, scale, seed=5) for _ in range(2))
    drawn = policy(seen)
    assert drawn.shape == (3, H, D)
    np.testing.assert_array_equal(drawn, again(seen))
    assert policy.seconds > 0
    assert policy.is_valid == [True] * 3
    if name == "regression":
        assert policy.token_counts == []
    elif name == "fast":
        assert len(policy.token_counts) == 3
        assert all(0 < count < H * D for count in policy.token_counts)
    else:
        assert policy.token_counts == [H * D] * 3
    assert policy.milliseconds(seen[0]) > 0


def test_a_policy_sees_scaled_observations():
    torch.manual_seed(0)
    head = RegressionHead(TransformerTrunk(3, width=16, layers=1, heads=2), horizon=H, action_dim=D)
    scale = ObservationScale(np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 2.0]))
    seen = np.array([[1.5, 1.0, 9.0]])
    expected = head.sample(Condition.of(torch.tensor([[1.0, -1.0, 3.0]])))
    np.testing.assert_array_equal(StatePolicy(head, scale, seed=0)(seen), expected.numpy())


# What outcomes say.


def outcome(head, task, seed, success, **others):
    figures = {
        **{"success": success, "hits": 0.0, "left": None, "tokens": None, "invalid": 0.0, "ms_together": 0.5},
        **{"ms_alone": 1.0, "nfe": 10, "loss": 0.1, "parameters": 1000, "observations": 10},
        "expert": {"success": 1.0, "hits": 0.0, "left": None},
    }
    return Outcome({"task": task, "head": head, "seed": seed}, {**figures, **others})


PLAIN, TWO_SIDED = "drawer-open", "button-press-topdown-two-sided"


def test_a_summary():
    outcomes = [
        *(outcome("regression", PLAIN, seed, success) for seed, success in enumerate((1.0, 0.9, 0.95))),
        *(outcome("fast", PLAIN, seed, 0.75, tokens=12.0) for seed in range(3)),
        outcome(
            "masked", TWO_SIDED, 0, 0.5, hits=0.5, left=0.4, expert={"success": 0.9, "hits": 0.1, "left": 0.5}
        ),
    ]
    summary = SIMULATOR.summarize(outcomes)
    plain, two_sided = summary.tables
    assert (plain.title, two_sided.title) == (PLAIN, TWO_SIDED)
    assert [row[0] for row in plain.rows] == [HEADS["regression"], HEADS["fast"], "scripted expert"]
    success = plain.rows[0][1]
    assert success.mean == pytest.approx(0.95)
    assert success.seeds == 3
    assert plain.rows[2][1].seeds == 3  # one for each seed, not for each trial
    names = [column.name for column in two_sided.columns]
    assert set(names) - {column.name for column in plain.columns} == {names[2], names[3]}
    assert [cell.mean for cell in two_sided.rows[0][1:4]] == [0.5, 0.5, 0.4]
    tokens, continuous, expert = summary.checks
    assert not tokens.holds
    assert tokens.got == "FAST tokens, drawer-open: 0.750"
    assert continuous.holds
    assert not expert.holds
    assert expert.got == "at least 0.900"


def test_a_summary_of_one_head_says_what_is_missing():
    tokens, continuous, expert = SIMULATOR.summarize([outcome("flow", PLAIN, 0, 0.9)]).checks
    assert (tokens.got, tokens.holds) == ("not measured", False)
    assert continuous.holds
    assert expert.holds


def test_a_summary_is_drawn():
    pytest.importorskip("matplotlib", reason="drawings need matplotlib")
    from fast_tokenizer.lab.page import as_svg

    outcomes = [outcome("regression", PLAIN, 0, 0.25), outcome("masked", TWO_SIDED, 0, 0.5)]
    (drawing,) = SIMULATOR.summarize(outcomes).drawings
    svg = as_svg(drawing)
    for text in (PLAIN, TWO_SIDED, HEADS["regression"], HEADS["masked"], "scripted expert"):
        assert text in svg


# Which trials there are.


def test_the_standard_is_four_heads_in_two_tasks():
    trials = SIMULATOR.trials(Choice("full"))
    assert len(trials) == 4 * 2 * 3
    shared = {(one.settings["steps"], one.settings["episodes"], one.settings["evaluations"]) for one in trials}
    assert len(shared) == 1
    assert len(SIMULATOR.trials(Choice("quick"))) == 8


def test_other_heads_and_tasks_are_asked_for_by_name():
    (trial,) = SIMULATOR.trials(Choice("quick", ("diffusion",), ("pick-place",)))
    assert (trial.settings["head"], trial.settings["task"]) == ("diffusion", "pick-place")
    everything = SIMULATOR.trials(Choice("quick", ("all",), ("all",)))
    assert {trial.settings["head"] for trial in everything} == set(HEADS)


# The simulator itself.


@pytest.fixture(scope="module")
def metaworld():
    reason = "the simulator is Meta-World: pip install 'fast_tokenizer[simulator]'"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its packages warn of while they load
        pytest.importorskip("metaworld", reason=reason)
        from fast_tokenizer.lab.closed_loop.metaworld_robot import MetaWorldRobot

        MetaWorldRobot("reach")
    return MetaWorldRobot


@pytest.mark.parametrize("task", ["drawer-open", "button-press-topdown", "reach", "push", "pick-place"])
def test_the_expert_does_the_task(metaworld, task):
    robot = metaworld(task)
    robot.reset(1)
    assert robot.seen.shape == (39,)
    first = robot.seen.copy()
    assert roll_out_expert(robot, [1, 2], max_steps=200) == [Ending(True)] * 2
    assert (robot.seen != first).any()
    robot.reset(1)
    np.testing.assert_array_equal(robot.seen, first)  # whatever was done before
    assert robot.ending == Ending(False)


def test_the_expert_goes_round_the_pillar(metaworld):
    robot = TwoSidedRobot(metaworld("button-press-topdown"))
    endings = roll_out_expert(robot, range(4), max_steps=200)
    assert endings == [Ending(True, False, left) for left in (True, False, True, False)]


def test_a_task_that_is_not_there(metaworld):
    with pytest.raises(FastTokenizerError, match="Meta-World has no task 'fly': expected one of assembly, "):
        metaworld("fly")


def test_a_trial_depends_on_its_settings_alone(metaworld):
    settings = {"task": TWO_SIDED, "head": "flow", "steps": 3, "episodes": 2, "evaluations": 2, "seed": 0}
    told = []
    one, again = (SIMULATOR.run(settings, told.append) for _ in range(2))
    measured = {"ms_together", "ms_alone", "step_ms"}
    assert {key: one[key] for key in one.keys() - measured} == {key: again[key] for key in again.keys() - measured}
    assert told == sorted(told[: len(told) // 2]) * 2
    assert one["expert"] == {"success": 1.0, "hits": 0.0, "left": 0.5}
    assert SIMULATOR.summarize([Outcome(settings, one)]).tables[0].rows


def test_what_is_missing_is_named(monkeypatch):
    from fast_tokenizer.lab.closed_loop.metaworld_robot import MetaWorldRobot

    monkeypatch.setenv("MUJOCO_GL", "disable")  # which would else be set for all tests to come
    monkeypatch.setitem(sys.modules, "metaworld.env_dict", None)
    with pytest.raises(ImportError, match=r"pip install 'fast_tokenizer\[simulator\]'"):
        MetaWorldRobot("reach")
