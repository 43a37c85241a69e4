import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import FormatError
from fast_tokenizer.action_statistics import ActionStatistics

numbers = st.lists(st.floats(-1e140, 1e140), min_size=3, max_size=3)


@given(
    mean=st.none() | numbers.map(tuple),
    ends=st.tuples(numbers, numbers).map(lambda pair: np.sort(pair, axis=0).tolist()),
    count=st.none() | st.integers(1, 2**60),
)
def test_a_configuration_is_plain_json_and_makes_equal_statistics(mean, ends, count):
    statistics = ActionStatistics(mean=mean, min=tuple(ends[0]), max=tuple(ends[1]), count=count)
    config = json.loads(json.dumps(statistics.get_config(), allow_nan=False))
    assert ActionStatistics.from_config(config) == statistics
    assert ("mean" in config) == (mean is not None)


def test_what_is_not_known_has_no_key():
    statistics = ActionStatistics(mean=(1.0,), std=(0.0,))
    assert statistics.get_config() == {"mean": [1.0], "std": [0.0]}
    assert statistics.action_dim == 1


def test_they_cannot_be_changed_and_can_be_shared():
    statistics = ActionStatistics(q01=(0.0,), q99=(1.0,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics.q01 = (5.0,)
    assert len({statistics, dataclasses.replace(statistics)}) == 1


@pytest.mark.parametrize(
    ("config", "key", "message"),
    [
        ({}, None, "no statistics"),
        ({"q10": [1.0]}, None, "no statistics"),
        ([1.0], None, "got a list, expected an object"),
        ({"mean": []}, "mean", "0 number"),
        ({"mean": [1.0, 2.0], "std": [1.0]}, "std", r"1 number\(s\) where mean has 2"),
        ({"mean": 1.0}, "mean", "got a float, expected a list"),
        ({"mean": "12"}, "mean", "got a str, expected a list"),
        ({"mean": [1.0, "2"]}, "mean", "dimension 1 has '2', expected a finite number"),
        ({"mean": [10**400]}, "mean", r"dimension 0 has 10+\.\.\., expected a finite number"),
        ({"mean": [True]}, "mean", "dimension 0 has True"),
        ({"mean": [[1.0]]}, "mean", r"dimension 0 has \[1.0\]"),
        ({"mean": [float("nan")]}, "mean", "dimension 0 has nan"),
        ({"max": [0.0, float("inf")]}, "max", "dimension 1 has inf"),
        ({"min": [-1e141]}, "min", r"from -1e\+140 to 1e\+140"),
        ({"std": [-0.1]}, "std", "dimension 0 has -0.1, expected a number from 0"),
        ({"min": [0.0, 2.0], "max": [1.0, 1.0]}, "min", "dimension 1 has min=2.0 and max=1.0"),
        ({"q01": [1.0], "q99": [0.0]}, "q01", "expected q01 <= q99"),
        ({"mean": [0.0], "count": 0}, "count", "1 step or more"),
        ({"mean": [0.0], "count": 2.0}, "count", "expected an integer"),
    ],
)
def test_what_is_wrong_is_named(config, key, message):
    with pytest.raises(FormatError, match=message) as caught:
        ActionStatistics.from_config(config)
    assert caught.value.key == key
