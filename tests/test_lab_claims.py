"""What is claimed against what was measured: nothing is judged without its figures, and figures decide."""

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


def test_figures_are_found_by_row_and_the_beginning_of_a_column():
    figures = Figures({"chunk": summary(**{"RMSE over ±0.1 m, mm": {"a": Estimate(1.0, 0.25, 3), "b": None}})})
    assert figures.number("chunk", "a", "RMSE over") == 1.0
    assert figures.text("chunk", "a", "RMSE over") == "1.00 ± 0.25"
    for place in (("cup", "a", "RMSE"), ("chunk", "c", "RMSE"), ("chunk", "a", "tokens"), ("chunk", "b", "RMSE")):
        with pytest.raises(NotMeasured):
            figures.number(*place)
    with pytest.raises(NotMeasured):
        figures.number("chunk", "a", "RMSE", table=1)
