import numpy as np
import pytest

from fast_tokenizer.motions import generate_episodes, gripper_dimensions, minimum_jerk


def test_the_same_seed_gives_the_same_episodes_and_another_one_does_not():
    first, again = generate_episodes(3, seed=7), generate_episodes(3, seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], generate_episodes(1, seed=8)[0])


def test_an_episode_does_not_depend_on_how_many_are_asked_for():
    assert np.array_equal(generate_episodes(5, seed=1)[2], generate_episodes(3, seed=1)[2])


@pytest.mark.parametrize("action_dim", [1, 2, 3, 4, 7, 8, 14, 26, 44])
def test_shape_type_and_range(action_dim):
    episodes = generate_episodes(2, action_dim=action_dim, hz=20.0, seconds=4.0)
    for episode in episodes:
        assert episode.shape == (80, action_dim)
        assert episode.dtype == np.float32
        assert np.abs(episode).max() <= 1.0
    assert not np.array_equal(*episodes)


@pytest.mark.parametrize(
    ("action_dim", "grippers"),
    [(1, ()), (2, ()), (3, (2,)), (4, (3,)), (7, (6,)), (8, (7,)), (14, (6, 13)), (15, (7, 14))],
)
def test_the_last_dimension_of_an_arm_is_its_gripper(action_dim, grippers):
    assert gripper_dimensions(action_dim) == grippers
    episode = np.concatenate(generate_episodes(8, action_dim=action_dim))
    two_valued = [d for d in range(action_dim) if set(np.unique(episode[:, d])) == {-1.0, 1.0}]
    assert two_valued == list(grippers)


def test_minimum_jerk_goes_from_rest_to_rest():
    t = np.linspace(0.0, 1.0, 1001)
    way = minimum_jerk(t)
    assert way[0] == 0.0
    assert way[-1] == 1.0
    assert np.all(np.diff(way) > 0)
    speed, acceleration = np.gradient(way, t), np.gradient(np.gradient(way, t), t)
    assert abs(speed[[0, -1]]).max() < 1e-3
    assert abs(acceleration[[0, -1]]).max() < 0.1
    assert speed.max() == pytest.approx(1.875, abs=1e-3)  # 15 / 8 of the mean, at half time
    np.testing.assert_allclose(way + way[::-1], 1.0, atol=1e-12)


def test_the_arms_move_smoothly_and_hold_still():
    joints = generate_episodes(1, seconds=60.0, noise=0.0)[0][:, :6]
    steps = np.abs(np.diff(joints, axis=0)).max(axis=1)
    assert steps.max() < 1.875 * 1.8 / (0.6 * 50)  # the fastest motion across the whole range
    assert 0.02 < np.mean(steps < 1e-7) < 0.5


def test_noise_has_the_deviation_asked_for_and_spares_the_grippers():
    clean, noisy = (generate_episodes(1, seconds=60.0, noise=noise)[0] for noise in (0.0, 0.01))
    difference = noisy - clean
    assert difference[:, :6].std() == pytest.approx(0.01, rel=0.05)
    assert np.all(difference[:, [6, 13]] == 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": -1},
        {"count": 1, "action_dim": 0},
        {"count": 1, "seed": -1},
        {"count": 1, "hz": 0.0},
        {"count": 1, "hz": float("nan")},
        {"count": 1, "seconds": 0.001},
        {"count": 1, "seconds": float("inf")},
        {"count": 1, "noise": -0.1},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="got"):
        generate_episodes(**wrong)
