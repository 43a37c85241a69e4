"""Claims on distributions: values that must fit each other, and mixtures of many parts."""

from __future__ import annotations

from fast_tokenizer.lab.claims.judging import Verdict, claim
from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.quoting import Figures


@claim("Bins are drawn apart, so that dimensions do not fit each other")
def _bins_are_independent(of: Figures) -> tuple[Verdict, str]:
    apart, ordered = (of.number("joint", HEADS[name], "all of one sign") for name in ("bins", "bins-ar"))
    text = f"joint: {apart:.3f} of the draws fit together in parallel, {ordered:.3f} one by one"
    if apart >= 0.1:
        return "refuted", text
    return ("refined" if ordered > 0.9 else "held"), text


@claim("Discrete diffusion models dimensions jointly, in parallel")
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


@claim("Mixtures easily end in NaN")
def _mixtures_blow_up(of: Figures) -> tuple[Verdict, str]:
    rows = [f"D = {d}, K = 5" for d in (2, 7, 14, 56)]
    strange = sum(
        of.total("mixture", row, "losses that are not finite", table=table) for row in rows for table in (0, 1)
    )
    text = (
        f"mixture: {strange:.0f} losses that are not finite in all seeds with K = 5, with deviations of 0.01 or "
        "more, gradients that are clipped, and components that begin apart"
    )
    return ("refined" if strange == 0 else "held"), text


@claim("Mixtures collapse, above all in many dimensions")
def _mixtures_merge(of: Figures) -> tuple[Verdict, str]:
    by_chance, among = (
        [of.number("mixture", f"D = {d}, K = 5", "seeds with merged", table=table) for d in (2, 7, 14, 56)]
        for table in (0, 1)
    )
    text = (
        "mixture: parts of the seeds with merged modes in 2, 7, 14, 56 dimensions, with K = 5: "
        f"{_listed(by_chance)} where components begin by chance, {_listed(among)} where among the chunks"
    )
    if max(by_chance) == 0:
        return "refuted", text
    return ("held" if by_chance[-1] >= 0.5 and among[-1] >= 0.5 else "refined"), text


def _listed(parts: list[float]) -> str:
    return ", ".join(f"{part:.1f}" for part in parts)


@claim("Too few components are not enough, too many are hard to train")
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


@claim("Diffusion scales to many dimensions, mixtures do not")
def _diffusion_scales(of: Figures) -> tuple[Verdict, str]:
    places = ((0, "K = 5"), (1, "K = 5"), (1, "diffusion, DDPM 100"), (1, "flow matching, Euler 10"))
    few, many = (
        [of.number("mixture", f"D = {d}, {row}", "samples within", table=table) for table, row in places]
        for d in (2, 56)
    )
    text = (
        "mixture: near one of four ways in 2 and in 56 dimensions: mixtures of 5 that begin by chance "
        f"{few[0]:.2f} and {many[0]:.2f}, among the chunks {few[1]:.2f} and {many[1]:.2f}, diffusion {few[2]:.2f} "
        f"and {many[2]:.2f}, flow {few[3]:.2f} and {many[3]:.2f}"
    )
    by_chance, among, *others = many
    if max(others) < 0.9 or by_chance >= 0.9:
        return "refuted", text
    return ("held" if among < 0.9 and min(others) >= 0.9 else "refined"), text
