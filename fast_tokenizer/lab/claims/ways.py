"""Claims on two right answers: who averages, who keeps both, and who gets past what is in the way."""

from __future__ import annotations

from collections.abc import Sequence

from fast_tokenizer.lab.claims.judging import Verdict, claim
from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.quoting import Figures


@claim("Regression by squared error gives the mean of two ways")
def _regression_averages(of: Figures) -> tuple[Verdict, str]:
    row = HEADS["regression"]
    valid = of.number("cup", row, "within")
    text = f"cup: its mean is {of.text('cup', row, 'mean', digits=1)} mm, and {valid:.2f} of it is near a way"
    return ("held" if valid < 0.05 else "refuted"), text


@claim("Bins, FAST and autoregression have no two ways, and give an average")
def _tokens_average(of: Figures) -> tuple[Verdict, str]:
    valid, right = _two_ways(of, [HEADS["bins"], HEADS["bins-ar"], HEADS["fast"]])
    text = (
        f"cup: {min(valid):.3f} or more of what bins and FAST tokens draw is near a way, {min(right):.2f} to "
        f"{max(right):.2f} of it to the right"
    )
    if min(valid) >= 0.9 and min(right) >= 0.3 and max(right) <= 0.7:
        return "refuted", text
    return ("held" if max(valid) < 0.5 else "refined"), text


@claim("Diffusion and flow keep both ways")
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


@claim("Autoregression averages two ways, and hits the obstacle")
def _autoregression_collides(of: Figures) -> tuple[Verdict, str]:
    found = {name: of.number("obstacle", HEADS[name], "collisions") for name in ("bins-ar", "fast")}
    text = (
        f"obstacle: {found['bins-ar']:.3f} of the chunks of bins one by one collide, {found['fast']:.3f} of FAST's"
    )
    return ("refuted" if max(found.values()) < 0.5 else "held"), text


@claim("Regression hits the obstacle")
def _regression_collides(of: Figures) -> tuple[Verdict, str]:
    row = HEADS["regression"]
    whole = of.number("obstacle", row, "collisions")
    first, last = (of.number("obstacle", row, f"{n} of 16", table=1) for n in (1, 16))
    text = (
        f"obstacle: {whole:.2f} of its chunks collide; on the way {first:.2f} where it looks at every step, "
        f"{last:.2f} where it carries out all 16"
    )
    return ("held" if first > 0.5 else "refined"), text


@claim("Flow matching needs fewer steps than diffusion")
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


@claim("Bins show two ways, but roughly")
def _bins_are_rough(of: Figures) -> tuple[Verdict, str]:
    row = HEADS["bins"]
    valid, spread = of.number("cup", row, "within"), of.number("cup", row, "spread")
    text = f"cup: {valid:.3f} of the draws are near a way, spread by {spread:.1f} mm for the 10 that are true"
    if valid < 0.9:
        return "refuted", text
    return ("refuted" if abs(spread / 10 - 1) <= 0.1 else "held"), text
