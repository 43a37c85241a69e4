"""The published binning formulas, restated one value at a time or with the calls that they name; the oracle."""

import itertools
import statistics

import numpy as np

F4 = np.float32


def uniform(values, low, high, count):
    """Bin and centre, by division."""
    width = (high - low) / count
    bins = np.clip(np.floor((values - low) / width), 0, count - 1)
    return bins.astype(int), low + (bins + 0.5) * width


def rt_1(values, low, high, count):
    """RT-1's `tokenize` and `detokenize` for a float action, in TensorFlow's float32."""
    low, high, values = F4(low), F4(high), values.astype(F4)
    unit = (np.minimum(np.maximum(values, low), high) - low) / (high - low)
    tokens = np.trunc(unit * F4(count - 1)).astype(int)
    return tokens, (tokens.astype(F4) / F4(count - 1)) * (high - low) + low


def openvla(values, low, high, count, vocab_size=32_000):
    """OpenVLA's ids in the language model, and what its `decode_token_ids_to_actions` gives for them."""
    edges = np.linspace(low, high, count)
    ids = vocab_size - np.digitize(np.clip(values, float(low), float(high)), edges)
    centres = (edges[:-1] + edges[1:]) / 2.0
    return ids, centres[np.clip(vocab_size - ids - 1, 0, count - 2)]


def openpi(values):
    """openpi's bins of a state; -1 for what is under the range."""
    return np.digitize(values, bins=np.linspace(-1, 1, 256 + 1)[:-1]) - 1


def octo_edges_uniform(low, high, count):
    """`jnp.linspace(low, high, count + 1)` in float32."""
    steps = [F4(i) / F4(count) for i in range(count)]
    return np.array([F4(low) * (F4(1) - step) + F4(high) * step for step in steps] + [high], F4)


def octo_edges_normal(count, epsilon=1e-6):
    """`norm.ppf(jnp.linspace(epsilon, 1 - epsilon, count + 1))`, by Python's own quantile function."""
    quantile = statistics.NormalDist().inv_cdf
    return np.array([quantile(float(p)) for p in octo_edges_uniform(epsilon, 1 - epsilon, count)], F4)


def octo(values, edges, clip_to=None, epsilon=1e-6):
    """Octo's one-hot comparison and its argmax, and the average of the bin's two edges.

    A value in no bin has an argmax of 0.
    """
    values = values.astype(F4)
    if clip_to is not None:
        values = np.clip(values, F4(clip_to[0] + epsilon), F4(clip_to[1] - epsilon))
    bins = np.zeros(values.shape, int)
    for number, (least, most) in enumerate(itertools.pairwise(edges)):
        bins[(values < most) & (values >= least)] = number
    return bins, ((edges[1:] + edges[:-1]) / F4(2))[bins]
