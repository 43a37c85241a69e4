"""Claims on precision: gradients, bins, and what FAST rounds away."""

from __future__ import annotations

from fast_tokenizer.lab.claims.judging import Verdict, claim
from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.quoting import Figures


@claim("Gradients differ 150 times in regression and 1.3 times in diffusion")
def _gradients_differ(of: Figures) -> tuple[Verdict, str]:
    rows = ("regression: the action", "diffusion: the noise", "flow: the velocity")
    ratios = [of.number("gradients", row, column) for row in rows for column in ("least of 150 mm", "largest")]
    text = (
        f"gradients: at the same error of the action the ratio is {min(ratios):.1f} to {max(ratios):.1f} for all "
        "three; what differs is a factor for each level of noise"
    )
    return ("refuted" if max(ratios) / min(ratios) < 1.01 else "held"), text


@claim("Therefore diffusion and flow are more precise")
def _gradients_make_precise(of: Figures) -> tuple[Verdict, str]:
    names = ("regression", "diffusion", "flow")
    errors = {name: of.number("gradients", HEADS[name], "action RMSE", table=1) for name in names}
    listed = ", ".join(f"{name} {error:.4f}" for name, error in errors.items())
    text = f"gradients: RMSE after the same training: {listed}"
    better = [name for name in ("diffusion", "flow") if errors[name] < errors["regression"]]
    return ("refuted", "refined", "held")[len(better)], text


@claim("256 bins over ±0.1 m are 0.8 mm, not enough for fine work")
def _bins_are_coarse(of: Figures) -> tuple[Verdict, str]:
    largest, finest = (of.text("precision", f"{count} bins", "largest", digits=4) for count in (256, 1000))
    enough = of.number("precision", "200 bins", "largest") <= 0.5 * (1 + 1e-9)
    text = (
        f"precision: bins are {of.text('precision', '256 bins', 'width', digits=3)} mm wide, so that none is off "
        f"by more than {largest} mm; of 1000 none by more than {finest} mm"
    )
    return ("refined" if enough else "held"), text


@claim("0.0237 m is bin 153")
def _example_bin(of: Figures) -> tuple[Verdict, str]:
    found = round(of.number("precision", "256 bins", "bin of 0.0237"))
    return ("held" if found == 153 else "refuted"), f"precision: it is bin {found}"


@claim("FAST makes about 20 tokens of a 16 x 7 chunk")
def _few_tokens(of: Figures) -> tuple[Verdict, str]:
    tokens = [of.number("chunk", "FAST, scale 10", "tokens", table=table) for table in (0, 1)]
    text = f"chunk: {tokens[0]:.1f} tokens of smooth motions, {tokens[1]:.1f} with noise"
    return ("held" if min(tokens) >= 15 and max(tokens) <= 25 else "refuted"), text


@claim("FAST is more precise than bins")
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


@claim("FAST loses what is sudden, such as a collision")
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


@claim("Noise levels drawn alike train coarse and fine alike")
def _levels_are_alike(of: Figures) -> tuple[Verdict, str]:
    rows = ("diffusion: the noise", "flow: the velocity")
    noise, flow = (
        [of.number("gradients", row, column) for column in ("median amplification", "largest amplification")]
        for row in rows
    )
    text = (
        f"gradients: an error of the action counts {noise[0]:.2g} times at the median level and up to "
        f"{noise[1]:.0f} times where noise is predicted, {flow[0]:.2g} and up to {flow[1]:.0f} where velocity is"
    )
    unlike = sum(largest > 2 * median for median, largest in (noise, flow))
    return ("held", "refined", "refuted")[unlike], text
