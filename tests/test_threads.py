import numpy as np
import pytest

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.threads import thread_count


@pytest.mark.parametrize(("given", "count"), [(None, 0), (1, 1), (np.int64(7), 7), (4096, 4096)])
def test_what_the_core_is_told(given, count):
    assert thread_count(given) == count


@pytest.mark.parametrize("bad", [0, -1, 2**33])
def test_numbers_out_of_range_are_refused(bad):
    with pytest.raises(FastTokenizerError, match=rf"num_threads is {bad}: expected 1\.\.4096, or None"):
        thread_count(bad)


def test_fractions_are_refused():
    with pytest.raises(TypeError):
        thread_count(2.5)
