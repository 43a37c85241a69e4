"""Claims on carrying chunks out."""

from __future__ import annotations

from fast_tokenizer.lab.claims.judging import ALIKE, Verdict, claim
from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.quoting import Figures


@claim("Chunks make motions smooth, as they are planned together")
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


@claim("Whole chunks hold to one way, where single steps waver")
def _chunks_are_consistent(of: Figures) -> tuple[Verdict, str]:
    names = ("mixture", "fast", "masked", "diffusion", "flow")
    often, seldom = (
        {name: of.number("obstacle", HEADS[name], f"{n} of 16", table=1) for name in names} for n in (1, 16)
    )
    listed = ", ".join(f"{HEADS[name]} {often[name]:.3f} and {seldom[name]:.3f}" for name in names)
    text = f"obstacle: collisions with a new chunk at every step, and with whole chunks: {listed}"
    better = any(often[name] - seldom[name] > ALIKE for name in names)
    worse = any(seldom[name] - often[name] > ALIKE for name in names)
    if better:
        return ("refined" if worse else "held"), text
    return "refuted", text
