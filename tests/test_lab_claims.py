"""What is claimed against what was measured: nothing is judged without its figures, and figures decide."""

from dataclasses import replace

import pytest
from frameworks import import_or_skip

import_or_skip("torch")
import_or_skip("diffusers")

from fast_tokenizer.lab.claims import judge_all  # noqa: E402
from fast_tokenizer.lab.contestants import HEADS  # noqa: E402
from fast_tokenizer.lab.guide import advise  # noqa: E402
from fast_tokenizer.lab.quoting import Figures, NotMeasured  # noqa: E402
from fast_tokenizer.lab.summary import Column, Estimate, Summary, Table  # noqa: E402


def summary(**columns):
    """One table: a column by name, of figures by row."""
    rows = list(next(iter(columns.values())))
    table = Table(
        "t",
        [Column("row"), *(Column(name) for name in columns)],
        [[row, *(column[row] for column in columns.values())] for row in rows],
    )
    return Summary([table])


def cup(valid):
    rows = [HEADS[name] for name in ("bins", "bins-ar", "fast")]
    return Figures(
        {
            "cup": summary(
                **{
                    "within 3 deviations of a mode": {row: Estimate(valid, 0.01, 5) for row in rows},
                    "to the right": {row: Estimate(0.5, 0.01, 5) for row in rows},
                }
            )
        }
    )


def test_nothing_is_said_of_what_was_not_measured():
    assert judge_all(Figures({})) == []
    assert advise(Figures({})) == []


@pytest.mark.parametrize(("valid", "verdict"), [(0.99, "refuted"), (0.1, "held")])
def test_figures_decide(valid, verdict):
    (judged,) = judge_all(cup(valid))
    assert judged.verdict == verdict
    assert f"{valid:.3f}" in judged.because
    assert "0.50 to 0.50" in judged.because


def of_tables(name, *tables, titles=None):
    """An experiment of several tables, each a dict of rows by column."""
    made = [summary(**table).tables[0] for table in tables]
    titled = [replace(table, title=title) for table, title in zip(made, titles or "t" * len(made), strict=True)]
    return Figures({name: Summary(titled)})


def chunks(jumping, tokens):
    row = "FAST, scale 10"
    of_motions = [
        {"tokens of 112 values": {row: count}, "RMSE over ±0.1 m, mm": {row: rmse}}
        for count, rmse in ((16.0, 1.6), (24.0, 2.5), (tokens, jumping))
    ]
    return of_tables("chunk", *of_motions)


def costs(**milliseconds):
    rows = {
        "regression": 4.0,
        "bins, in parallel": 4.0,
        "bins, one by one": 200.0,
        "flow, Euler 10": 40.0,
        "FAST tokens": 60.0,
        "masked diffusion, 12 rounds": 150.0,
        "DDPM 100": 400.0,
    }
    return of_tables("cost", {"sample, ms": rows | milliseconds})


def rough(often, seldom):
    rows = (HEADS["regression"], HEADS["flow"])
    table = {
        "1 of 16": dict(zip(rows, often, strict=True)),
        "16 of 16": dict(zip(rows, seldom, strict=True)),
        "ensemble, m = 0.01": dict.fromkeys(rows, 5.0),
    }
    return of_tables("obstacle", table, table, table)


def mixtures(few, right, many):
    merged = {
        f"D = {d}, K = {k}": part
        for d in (2, 7, 14, 56)
        for k, part in ((4, few), (5, right), (10, right), (20, many))
    }
    return of_tables("mixture", {"seeds with merged modes": merged})


def two_ways(valid):
    rows = ("diffusion, DDPM 100", "flow matching, Euler 10")
    return of_tables("cup", {"within 3": dict.fromkeys(rows, valid), "to the right": dict.fromkeys(rows, 0.5)})


def levels(noise, velocity):
    rows = ("diffusion: the noise", "flow: the velocity")
    table = {
        "median amplification": dict.fromkeys(rows, 1.0),
        "largest amplification": dict(zip(rows, (noise, velocity), strict=True)),
    }
    return of_tables("gradients", table)


def bins_of_cup(spread, valid=0.995):
    row = {HEADS["bins"]: valid}
    return of_tables("cup", {"within 3": row, "spread in a mode": {HEADS["bins"]: spread}})


def training(bins, flow, diffusion):
    rows = {"regression": 10.0, "bins, in parallel": bins, "flow, Euler 10": flow, "DDPM 100": diffusion}
    return of_tables("cost", {"loss and gradient, ms": {**rows, "bins, one by one": 50.0, "FAST tokens": 20.0}})


def trained(drawer, pillar):
    found = [{"success": {HEADS["fast"]: fast, HEADS["flow"]: 0.8}} for fast in (drawer, pillar)]
    return of_tables("simulator", *found, titles=("drawer-open", "button-press-topdown-two-sided"))


def wide(by_chance, among, diffusion, flow):
    found = [{}, {}]
    for d in (2, 56):
        found[0][f"D = {d}, K = 5"] = by_chance
        others = {"K = 5": among, "diffusion, DDPM 100": diffusion, "flow matching, Euler 10": flow}
        found[1] |= {f"D = {d}, {row}": part for row, part in others.items()}
    return of_tables("mixture", *({"samples within 3 deviations": one} for one in found))


def merging(by_chance, among):
    tables = [{f"D = {d}, K = 5": part for d in (2, 7, 14, 56)} for part in (by_chance, among)]
    return of_tables("mixture", *({"seeds with merged modes": table} for table in tables))


def wavering(often, seldom, of_flow):
    rows = [HEADS[name] for name in ("mixture", "fast", "masked", "diffusion")]
    table = {
        "1 of 16": {**dict.fromkeys(rows, often), HEADS["flow"]: 0.1},
        "16 of 16": {**dict.fromkeys(rows, seldom), HEADS["flow"]: of_flow},
    }
    return of_tables("obstacle", table, table)


@pytest.mark.parametrize(
    ("claim", "figures", "verdict"),
    [
        ("Diffusion and flow keep", two_ways(0.98), "held"),
        ("Diffusion and flow keep", two_ways(0.8), "refined"),
        ("Diffusion and flow keep", two_ways(0.1), "refuted"),
        ("FAST loses", chunks(4.0, 30.0), "held"),
        ("FAST loses", chunks(1.6, 24.0), "refined"),
        ("FAST loses", chunks(1.6, 16.0), "refuted"),
        ("Regression is fastest", costs(**{"bins, in parallel": 8.0, "bins, one by one": 20.0}), "held"),
        ("Regression is fastest", costs(), "refined"),
        ("Regression is fastest", costs(**{"DDPM 100": 20.0}), "refuted"),
        ("Discrete diffusion is fast", costs(**{"masked diffusion, 12 rounds": 50.0}), "held"),
        ("Discrete diffusion is fast", costs(), "refined"),
        ("Discrete diffusion is fast", costs(**{"masked diffusion, 12 rounds": 300.0}), "refuted"),
        ("Chunks make motions smooth", rough((20.0, 90.0), (10.0, 20.0)), "held"),
        ("Chunks make motions smooth", rough((10.0, 90.0), (20.0, 20.0)), "refined"),
        ("Chunks make motions smooth", rough((20.0, 20.0), (30.0, 90.0)), "refuted"),
        ("Noise levels", levels(1.2, 1.1), "held"),
        ("Noise levels", levels(60.0, 1.1), "refined"),
        ("Noise levels", levels(60.0, 10.0), "refuted"),
        ("Bins show two ways", bins_of_cup(10.2), "refuted"),
        ("Bins show two ways", bins_of_cup(14.0, valid=0.3), "refuted"),
        ("Bins show two ways", bins_of_cup(14.0), "held"),
        ("Regression is the simplest", training(15.0, 20.0, 30.0), "held"),
        ("Regression is the simplest", training(10.0, 13.0, 13.0), "refined"),
        ("Regression is the simplest", training(10.5, 11.0, 11.0), "refuted"),
        ("FAST learns", trained(0.9, 0.9), "held"),
        ("FAST learns", trained(0.9, 0.5), "refined"),
        ("FAST learns", trained(0.8, 0.8), "refined"),
        ("FAST learns", trained(0.7, 0.5), "refuted"),
        ("Diffusion scales", wide(0.3, 0.3, 0.99, 0.95), "held"),
        ("Diffusion scales", wide(0.3, 0.99, 0.99, 0.95), "refined"),
        ("Diffusion scales", wide(0.3, 0.3, 0.99, 0.5), "refined"),
        ("Diffusion scales", wide(0.99, 0.99, 0.99, 0.99), "refuted"),
        ("Diffusion scales", wide(0.3, 0.3, 0.5, 0.5), "refuted"),
        ("Mixtures collapse", merging(1.0, 0.8), "held"),
        ("Mixtures collapse", merging(1.0, 0.0), "refined"),
        ("Mixtures collapse", merging(0.0, 0.0), "refuted"),
        ("Whole chunks hold", wavering(0.2, 0.1, 0.0), "held"),
        ("Whole chunks hold", wavering(0.2, 0.1, 0.3), "refined"),
        ("Whole chunks hold", wavering(0.0, 0.0, 0.0), "held"),
        ("Whole chunks hold", wavering(0.1, 0.2, 0.3), "refuted"),
        ("Whole chunks hold", wavering(0.0, 0.0, 0.1), "refuted"),
        ("Too few components", mixtures(0.5, 0.1, 0.4), "held"),
        ("Too few components", mixtures(0.5, 0.1, 0.0), "refined"),
        ("Too few components", mixtures(0.1, 0.1, 0.1), "refuted"),
    ],
)
def test_claims_go_either_way(claim, figures, verdict):
    assert [one.verdict for one in judge_all(figures) if one.claim.startswith(claim)] == [verdict]


def test_figures_are_found_by_row_and_the_beginning_of_a_column():
    figures = Figures({"chunk": summary(**{"RMSE over ±0.1 m, mm": {"a": Estimate(1.0, 0.25, 3), "b": None}})})
    assert figures.number("chunk", "a", "RMSE over") == 1.0
    assert figures.text("chunk", "a", "RMSE over") == "1.00 ± 0.25"
    for place in (("cup", "a", "RMSE"), ("chunk", "c", "RMSE"), ("chunk", "a", "tokens"), ("chunk", "b", "RMSE")):
        with pytest.raises(NotMeasured):
            figures.number(*place)
    with pytest.raises(NotMeasured):
        figures.number("chunk", "a", "RMSE", table=1)
