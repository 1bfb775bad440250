"""Tables as LaTeX: what means something to LaTeX is escaped, powers and signs are set."""

import pandas as pd
import pytest

from analysis.tables.base import Column, Entry, Table
from analysis.tables.latex import escape, latex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50 % & more_of {it} #1 $", r"50 \% \& more\_of \{it\} \#1 \$"),
        (r"C:\temp", r"C:\textbackslash{}temp"),
        ("n^1.98 and d^−0.5", "$n^{1.98}$ and $d^{-0.5}$"),
        ("k^2 ~", r"k\textasciicircum{}2 \textasciitilde{}"),
        ("4·n·d²", r"4$\cdot$n$\cdot$d$^{2}$"),
        ("10⁻³", "$10^{-3}$".replace("$10^", "10$^")),
        ("−1.5 ± 0.2, ≥ 8", r"$-$1.5 $\pm$ 0.2, $\geq$ 8"),
        ("1.2\N{NARROW NO-BREAK SPACE}ms", r"1.2\,ms"),
        ("a < b\nc", r"a $<$ b c"),
    ],
)
def test_text_is_printed_as_it_is(text: str, expected: str) -> None:
    assert escape(text) == expected
    assert expected.isascii()


def test_a_table_keeps_headings_notes_and_names() -> None:
    table = Table(
        name="spans",
        title="How far back.",
        caption="Median over seeds.",
        columns=(Column("Model"), Column("Span", "num"), Column("n^2", "num")),
        groups=(("", 1), ("recall", 2)),
        rows=((Entry("my_model"), Entry("64", note="3 seeds"), Entry("n^2", verbatim=True)),),
        data=pd.DataFrame(),
        keys=(),
    )
    text = latex(table)
    assert r"\begin{tabular}{lrr}" in text
    assert r"\caption{How far back. Median over seeds.}" in text
    assert r"\label{tab:spans}" in text
    assert "Model & recall: Span & recall: $n^{2}$ \\\\" in text
    assert r"my\_model & 64 (3 seeds) & n\textasciicircum{}2 \\" in text
