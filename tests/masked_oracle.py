"""Masked decoding straight from its definitions: a row at a time, a position at a time, slow and readable.

It has its own hash, softmax, sorting and schedule; only the settings are the package's objects.
"""

import math

import numpy as np

from fast_tokenizer.diffusion import (
    ConfidenceFactor,
    ConfidenceThreshold,
    GroupedByTimeStep,
    LowFrequencyFirst,
    Power,
    RemaskBelow,
    RemaskDrop,
    RemaskTop,
    ReMDM,
)

WORD = 2**64
TOKEN, ORDER, ORDER_NOISE, REMASK = range(4)


def split_mix(word):
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    return word ^ (word >> 31)


def uniform(seed, purpose, round, position):
    state = 0
    for word in (seed, purpose, round, position):
        state = split_mix(((state ^ word) + 0x9E3779B97F4A7C15) % WORD)
    return (state >> 11) / 2**53


def softmax(logits, temperature=1.0):
    weights = [math.exp((x - max(logits)) / temperature) if x > -math.inf else 0.0 for x in logits]
    return [weight / math.fsum(weights) for weight in weights]


def on_grid(figure):
    return round(figure * 2**24) / 2**24


def drawn(probabilities, number):
    cumulative = 0.0
    for token, probability in enumerate(probabilities):
        cumulative += probability
        if cumulative > number:
            return token
    return max(token for token, probability in enumerate(probabilities) if probability > 0)


def masked_after(schedule, rounds, count, round):
    """How many are masked after `round` rounds."""
    if schedule == "even":
        return count - sum(count // rounds + (step < count % rounds) for step in range(round))
    if schedule == "cosine":
        fraction = math.cos(math.pi / 2 * round / rounds)
    elif schedule == "linear":
        fraction = 1 - round / rounds
    elif isinstance(schedule, Power):
        fraction = 1 - (round / rounds) ** schedule.exponent
    else:
        fraction = [1.0, *schedule][round]
    return math.floor(count * fraction + 1e-9)


def temperature_of(setting, round, rounds):
    return setting(round, rounds) if callable(setting) else setting


def decode_row(
    logits_fn,
    ids,
    *,
    mask_id,
    rounds,
    seed,
    schedule="cosine",
    order="max_prob",
    token_temperature=0.0,
    order_temperature=0.0,
    allowed=None,
    accept=None,
    remask=None,
):
    """One row: (ids, nfe, committed round of each position). `logits_fn` gives `[L, V]` for ids `[L]`."""
    ids = list(ids)
    holes = [position for position, token in enumerate(ids) if token == mask_id]
    committed, then, nfe, remasked_so_far = {}, {}, 0, 0
    for round in range(rounds):
        masked = [position for position in holes if ids[position] == mask_id]
        target = masked_after(schedule, rounds, len(holes), round + 1)
        if not masked or (accept is None and target >= len(masked)):
            continue
        nfe += 1
        logits = np.array(logits_fn(np.array(ids)), float)
        if mask_id < logits.shape[1]:
            logits[:, mask_id] = -np.inf
        if allowed is not None:
            logits[~np.broadcast_to(allowed, logits.shape)] = -np.inf
        chance = {position: softmax(logits[position]) for position in holes}

        heat = temperature_of(token_temperature, round, rounds)
        chosen = {}
        for position in masked:
            if heat == 0:
                chosen[position] = int(np.argmax(logits[position]))
            else:
                hot = softmax(logits[position], heat)
                chosen[position] = drawn(hot, uniform(seed, TOKEN, round, position))

        noise = temperature_of(order_temperature, round, rounds)
        queue = in_order(order, chance, masked, noise, seed, round)
        if accept is None:
            most = target
        else:
            commits = accepted(accept, chance, masked, queue) if round < rounds - 1 else masked
            target = len(masked) - len(commits)
            most = min(target, len(commits) - 1)
        again = []
        if remask is not None:
            if remask.budget is not None:
                most = min(most, remask.budget - remasked_so_far)
            now = {p: on_grid(chance[p][ids[p]]) for p in holes if ids[p] != mask_id}
            revealed = 1 - len(masked) / len(holes), 1 - target / len(holes)
            number = {p: uniform(seed, REMASK, round, p) for p in holes}
            again = urgent(remask, now, then, round / rounds, revealed, number)[: max(0, most)]
        if accept is None:
            commits = queue[: len(masked) + len(again) - target]
        for position in again:
            ids[position] = mask_id
            del committed[position]
        for position in commits:
            ids[position] = chosen[position]
            then[position] = on_grid(chance[position][chosen[position]])
            committed[position] = round
        remasked_so_far += len(again)
    return ids, nfe, [committed.get(position, -1) for position in range(len(ids))]


def in_order(order, chance, masked, noise, seed, round):
    name = order if isinstance(order, str) else order.within
    scores = {}
    for position in masked:
        ps = sorted(chance[position], reverse=True)
        score = {
            "max_prob": on_grid(math.log(on_grid(ps[0]))),
            "margin": on_grid(ps[0]) - on_grid(ps[1] if len(ps) > 1 else 0.0),
            "neg_entropy": on_grid(sum(p * math.log(p) for p in ps if p > 0)),
            "random": uniform(seed, ORDER, round, position),
            "left_to_right": -position,
        }[name]
        if noise > 0:
            number = max(uniform(seed, ORDER_NOISE, round, position), 2.0**-54)
            score -= noise * math.log(-math.log(number))
        scores[position] = score

    def key(position):
        if isinstance(order, LowFrequencyFirst):
            return position // order.action_dim, -scores[position], position
        if isinstance(order, GroupedByTimeStep):
            step = position // order.action_dim
            group = [scores[other] for other in masked if other // order.action_dim == step]
            return -sum(group) / len(group), step, -scores[position], position
        return -scores[position], position

    return sorted(masked, key=key)


def accepted(accept, chance, masked, queue):
    largest = {position: on_grid(max(chance[position])) for position in masked}
    if isinstance(accept, ConfidenceThreshold):
        certain = [position for position in masked if largest[position] >= accept.probability]
    else:
        assert isinstance(accept, ConfidenceFactor)
        certain = []
        for n, position in enumerate(sorted(masked, key=lambda p: (-largest[p], p)), start=1):
            if largest[position] < 1 - accept.factor / (n + 1):
                break
            certain.append(position)
    return sorted({*certain, queue[0]})


def urgent(remask, now, then, progress, revealed, number):
    drop = {position: then[position] - now[position] for position in now}
    if isinstance(remask, RemaskBelow):
        return sorted((p for p in now if now[p] < remask.eta * progress), key=lambda p: (now[p], p))
    if isinstance(remask, RemaskDrop):
        return sorted((p for p in now if drop[p] > remask.eta), key=lambda p: (-drop[p], p))
    if isinstance(remask, RemaskTop):
        return sorted((p for p in now if drop[p] > 0), key=lambda p: (-drop[p], p))[: remask.count]
    assert isinstance(remask, ReMDM)
    before, after = revealed
    largest = min(1.0, (1 - after) / before) if before > 0 else 1.0
    sigma = remask.eta * largest if remask.rescale else min(remask.eta, largest)
    return sorted((p for p in now if number[p] < sigma), key=lambda p: (number[p], p))
