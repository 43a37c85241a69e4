"""What the seeds say of action representations, and what the lab measured of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.quoting import Figures, NotMeasured

Verdict = Literal["held", "refined", "refuted"]

_Judge: TypeAlias = Callable[[Figures], "tuple[Verdict, str]"]

_CLAIMS: dict[str, _Judge] = {}
"""What is said, and the rule that decides what became of it."""


@dataclass(frozen=True)
class Judged:
    """A claim that was looked at.

    Attributes:
        claim: What is said, in our words.
        verdict: What became of it.
        because: The figures, and the experiment that they are of.
    """

    claim: str
    verdict: Verdict
    because: str


def judge_all(figures: Figures) -> list[Judged]:
    """All claims for which everything that is needed was measured."""
    return list(_judged(figures))


def _judged(figures: Figures) -> Iterator[Judged]:
    for claim, judge in _CLAIMS.items():
        try:
            verdict, because = judge(figures)
        except NotMeasured:
            continue
        yield Judged(claim, verdict, because)


def _claim(text: str) -> Callable[[_Judge], _Judge]:
    def keep(judge: _Judge) -> _Judge:
        _CLAIMS[text] = judge
        return judge

    return keep


@_claim("Regression by squared error gives the mean of two ways")
def _regression_averages(of: Figures) -> tuple[Verdict, str]:
    row = HEADS["regression"]
    valid = of.number("cup", row, "within")
    text = f"cup: its mean is {of.text('cup', row, 'mean', digits=1)} mm, and {valid:.2f} of it is near a way"
    return ("held" if valid < 0.05 else "refuted"), text


@_claim("Bins, FAST and autoregression have no two ways, and give an average")
def _tokens_average(of: Figures) -> tuple[Verdict, str]:
    valid, right = _two_ways(of, [HEADS["bins"], HEADS["bins-ar"], HEADS["fast"]])
    text = (
        f"cup: {min(valid):.3f} or more of what bins and FAST tokens draw is near a way, {min(right):.2f} to "
        f"{max(right):.2f} of it to the right"
    )
    if min(valid) >= 0.9 and min(right) >= 0.3 and max(right) <= 0.7:
        return "refuted", text
    return ("held" if max(valid) < 0.5 else "refined"), text


@_claim("Diffusion and flow keep both ways")
def _continuous_keep_both(of: Figures) -> tuple[Verdict, str]:
    valid, right = _two_ways(of, ["diffusion, DDPM 100", "flow matching, Euler 10"])
    text = (
        f"cup: near a way are {valid[0]:.3f} of diffusion (DDPM) and {valid[1]:.3f} of flow in ten steps, "
        f"{right[0]:.2f} and {right[1]:.2f} of it to the right"
    )
    if min(valid) >= 0.95 and min(right) >= 0.4 and max(right) <= 0.6:
        return "held", text
    return ("refuted" if max(valid) < 0.5 else "refined"), text


def _two_ways(of: Figures, rows: Sequence[str]) -> tuple[list[float], list[float]]:
    """Of the cup: how much of each row's draws is near a way, and to the right."""
    valid, right = ([of.number("cup", row, column) for row in rows] for column in ("within", "to the right"))
    return valid, right


@_claim("Gradients differ 150 times in regression and 1.3 times in diffusion")
def _gradients_differ(of: Figures) -> tuple[Verdict, str]:
    rows = ("regression: the action", "diffusion: the noise", "flow: the velocity")
    ratios = [of.number("gradients", row, column) for row in rows for column in ("least of 150 mm", "largest")]
    text = (
        f"gradients: at the same error of the action the ratio is {min(ratios):.1f} to {max(ratios):.1f} for all "
        "three; what differs is a factor for each level of noise"
    )
    return ("refuted" if max(ratios) / min(ratios) < 1.01 else "held"), text


@_claim("Therefore diffusion and flow are more precise")
def _gradients_make_precise(of: Figures) -> tuple[Verdict, str]:
    names = ("regression", "diffusion", "flow")
    errors = {name: of.number("gradients", HEADS[name], "action RMSE", table=1) for name in names}
    listed = ", ".join(f"{name} {error:.4f}" for name, error in errors.items())
    text = f"gradients: RMSE after the same training: {listed}"
    better = [name for name in ("diffusion", "flow") if errors[name] < errors["regression"]]
    return ("refuted", "refined", "held")[len(better)], text


@_claim("256 bins over ±0.1 m are 0.8 mm, not enough for fine work")
def _bins_are_coarse(of: Figures) -> tuple[Verdict, str]:
    largest, finest = (of.text("precision", f"{count} bins", "largest", digits=4) for count in (256, 1000))
    enough = of.number("precision", "200 bins", "largest") <= 0.5 * (1 + 1e-9)
    text = (
        f"precision: bins are {of.text('precision', '256 bins', 'width', digits=3)} mm wide, so that none is off "
        f"by more than {largest} mm; of 1000 none by more than {finest} mm"
    )
    return ("refined" if enough else "held"), text


@_claim("0.0237 m is bin 153")
def _example_bin(of: Figures) -> tuple[Verdict, str]:
    found = round(of.number("precision", "256 bins", "bin of 0.0237"))
    return ("held" if found == 153 else "refuted"), f"precision: it is bin {found}"


@_claim("FAST makes about 20 tokens of a 16 x 7 chunk")
def _few_tokens(of: Figures) -> tuple[Verdict, str]:
    tokens = [of.number("chunk", "FAST, scale 10", "tokens", table=table) for table in (0, 1)]
    text = f"chunk: {tokens[0]:.1f} tokens of smooth motions, {tokens[1]:.1f} with noise"
    return ("held" if min(tokens) >= 15 and max(tokens) <= 25 else "refuted"), text


@_claim("FAST is more precise than bins")
def _fast_is_precise(of: Figures) -> tuple[Verdict, str]:
    fast, fine, bins = (
        of.number("chunk", row, "RMSE over") for row in ("FAST, scale 10", "FAST, scale 128", "256 bins")
    )
    tokens = of.number("chunk", "FAST, scale 128", "tokens")
    text = (
        f"chunk: at its default scale FAST is off by {fast:.2f} mm, 256 bins by {bins:.2f} mm; at scale 128 it is "
        f"off by {fine:.2f} mm, with {tokens:.0f} tokens for their 112"
    )
    if fast <= bins:
        return "held", text
    return ("refined" if fine <= bins else "refuted"), text


@_claim("FAST loses what is sudden, such as a collision")
def _jumps_are_lost(of: Figures) -> tuple[Verdict, str]:
    smooth, jumping = (of.number("chunk", "FAST, scale 10", "RMSE over", table=table) for table in (0, 2))
    tokens = [of.number("chunk", "FAST, scale 10", "tokens", table=table) for table in (0, 2)]
    text = (
        f"chunk: with a jump a second FAST is off by {jumping:.2f} mm, without by {smooth:.2f} mm, at the same "
        f"scale, and it takes {tokens[1]:.1f} tokens for {tokens[0]:.1f}"
    )
    if jumping > 2 * smooth:
        return "held", text
    return ("refined" if jumping > 1.05 * smooth or tokens[1] > 1.05 * tokens[0] else "refuted"), text


@_claim("FAST is fast, diffusion is slow")
def _diffusion_is_slow(of: Figures) -> tuple[Verdict, str]:
    flow, fast, ddpm = (
        of.number("cost", row, "sample, ms") for row in ("flow, Euler 10", "FAST tokens", "DDPM 100")
    )
    text = (
        f"cost: flow in ten steps takes {flow:.0f} ms, FAST tokens {fast:.0f} ms, DDPM in 100 steps {ddpm:.0f} ms"
    )
    if fast <= flow:
        return "held", text
    return ("refined" if fast < ddpm else "refuted"), text


@_claim("Regression is fastest, then bins, then flow, then diffusion")
def _one_pass_is_fastest(of: Figures) -> tuple[Verdict, str]:
    rows = ("regression", "bins, in parallel", "bins, one by one", "flow, Euler 10", "DDPM 100")
    regression, parallel, ordered, flow, ddpm = (of.number("cost", row, "sample, ms") for row in rows)
    text = (
        f"cost: regression takes {regression:.1f} ms, bins {parallel:.1f} in parallel and {ordered:.0f} one by "
        f"one, flow in ten steps {flow:.0f}, DDPM in a hundred {ddpm:.0f}"
    )
    if 1.5 * regression < min(parallel, ordered) and max(parallel, ordered) < flow < ddpm:
        return "held", text
    return ("refined" if regression <= min(ordered, flow) and flow < ddpm else "refuted"), text


@_claim("Discrete diffusion is fast, as it decodes in parallel")
def _masks_are_fast(of: Figures) -> tuple[Verdict, str]:
    masked, ordered, fast = (
        of.number("cost", row, "sample, ms")
        for row in ("masked diffusion, 12 rounds", "bins, one by one", "FAST tokens")
    )
    text = (
        f"cost: twelve rounds over 112 bins take {masked:.0f} ms, the same bins one by one {ordered:.0f} ms, FAST "
        f"tokens one by one {fast:.0f} ms"
    )
    if masked < min(ordered, fast):
        return "held", text
    return ("refined" if masked < ordered else "refuted"), text


@_claim("Bins are drawn apart, so that dimensions do not fit each other")
def _bins_are_independent(of: Figures) -> tuple[Verdict, str]:
    apart, ordered = (of.number("joint", HEADS[name], "all of one sign") for name in ("bins", "bins-ar"))
    text = f"joint: {apart:.3f} of the draws fit together in parallel, {ordered:.3f} one by one"
    if apart >= 0.1:
        return "refuted", text
    return ("refined" if ordered > 0.9 else "held"), text


@_claim("Discrete diffusion models dimensions jointly, in parallel")
def _masks_are_joint(of: Figures) -> tuple[Verdict, str]:
    rows = [f"{HEADS['masked']}, {rounds} rounds" for rounds in (1, 2, 7)]
    once, twice, often = (of.number("joint", row, "all of one sign") for row in rows)
    text = (
        f"joint: in 1, 2 and 7 rounds {once:.3f}, {twice:.3f} and {often:.3f} of the draws fit together; the law "
        "is 2^(1-k) of the k values that the first round reveals"
    )
    if once > 0.9:
        return "held", text
    return ("refined" if often > 0.9 else "refuted"), text


@_claim("Autoregression averages two ways, and hits the obstacle")
def _autoregression_collides(of: Figures) -> tuple[Verdict, str]:
    found = {name: of.number("obstacle", HEADS[name], "collisions") for name in ("bins-ar", "fast")}
    text = (
        f"obstacle: {found['bins-ar']:.3f} of the chunks of bins one by one collide, {found['fast']:.3f} of FAST's"
    )
    return ("refuted" if max(found.values()) < 0.5 else "held"), text


@_claim("Regression hits the obstacle")
def _regression_collides(of: Figures) -> tuple[Verdict, str]:
    row = HEADS["regression"]
    whole = of.number("obstacle", row, "collisions")
    first, last = (of.number("obstacle", row, f"{n} of 16", table=1) for n in (1, 16))
    text = (
        f"obstacle: {whole:.2f} of its chunks collide; on the way {first:.2f} where it looks at every step, "
        f"{last:.2f} where it carries out all 16"
    )
    return ("held" if first > 0.5 else "refined"), text


@_claim("Chunks make motions smooth, as they are planned together")
def _chunks_are_smooth(of: Figures) -> tuple[Verdict, str]:
    rows, plans = [HEADS[name] for name in ("regression", "flow")], ("1 of 16", "16 of 16", "ensemble, m = 0.01")
    found = [[of.number("obstacle", row, plan, table=2) for plan in plans] for row in rows]
    listed = "; of flow ".join(
        f"{often:.0f}, {seldom:.0f} and {averaged:.0f}" for often, seldom, averaged in found
    )
    text = (
        "obstacle: second differences of the waypoints, thousandths of the way, with a look at every step, with "
        f"whole chunks, and with averaged ones: of regression {listed}"
    )
    smoother = [seldom < often for often, seldom, _ in found]
    return ("refuted", "refined", "held")[sum(smoother)], text


@_claim("Mixtures easily end in NaN")
def _mixtures_blow_up(of: Figures) -> tuple[Verdict, str]:
    rows = [f"D = {d}, K = 5" for d in (2, 7, 14, 56)]
    strange = sum(of.total("mixture", row, "losses that are not finite") for row in rows)
    text = (
        f"mixture: {strange:.0f} losses that are not finite in all seeds with K = 5, with deviations of 0.01 or "
        "more, gradients that are clipped, and components that begin apart"
    )
    return ("refined" if strange == 0 else "held"), text


@_claim("Mixtures collapse, above all in many dimensions")
def _mixtures_merge(of: Figures) -> tuple[Verdict, str]:
    merged = [of.number("mixture", f"D = {d}, K = 5", "seeds with merged") for d in (2, 7, 14, 56)]
    listed = ", ".join(f"{one:.1f}" for one in merged)
    text = f"mixture: parts of the seeds with merged modes in 2, 7, 14, 56 dimensions, with K = 5: {listed}"
    if max(merged) == 0:
        return "refuted", text
    return ("held" if merged == sorted(merged) and merged[-1] >= 0.5 else "refined"), text


@_claim("Too few components are not enough, too many are hard to train")
def _components_matter(of: Figures) -> tuple[Verdict, str]:
    merged = {
        k: [of.number("mixture", f"D = {d}, K = {k}", "seeds with merged") for d in (2, 7, 14, 56)]
        for k in (4, 5, 10, 20)
    }
    means = {k: sum(parts) / len(parts) for k, parts in merged.items()}
    listed = ", ".join(f"{mean:.2f}" for mean in means.values())
    text = f"mixture: parts of the seeds with merged modes, of four, with K = 4, 5, 10, 20: {listed}"
    if means[20] > means[5]:
        return ("held" if means[4] > means[5] else "refined"), text
    return ("refined" if means[4] > means[20] else "refuted"), text


@_claim("Flow matching needs fewer steps than diffusion")
def _flow_needs_few_steps(of: Figures) -> tuple[Verdict, str]:
    flow, ddim, ddpm, one = (
        of.number("cup", row, "within")
        for row in (
            "flow matching, Euler 10",
            "diffusion, DDIM 10",
            "diffusion, DDPM 100",
            "flow matching, Euler 1",
        )
    )
    text = (
        f"cup: near a way are {flow:.3f} of flow in ten steps, {ddim:.3f} of diffusion in ten (DDIM), {ddpm:.3f} "
        f"in a hundred (DDPM), and {one:.3f} of flow in one step"
    )
    if flow < 0.95:
        return "refuted", text
    return ("refined" if ddim >= 0.95 else "held"), text
