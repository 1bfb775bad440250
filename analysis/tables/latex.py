"""A table as LaTeX: what the page shows, with booktabs rules, for ``\\input`` into a paper."""

import re

import pandas as pd

from analysis.tables.base import Entry, Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_SIGNS = {
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{ALMOST EQUAL TO}": r"$\approx$",
    "\N{PROPORTIONAL TO}": r"$\propto$",
    "\N{INFINITY}": r"$\infty$",
    "\N{SQUARE ROOT}": r"$\surd$",
    "\N{MICRO SIGN}": r"$\mu$",
    "\N{GREEK SMALL LETTER MU}": r"$\mu$",
    "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}": r"$\hookrightarrow$",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{NO-BREAK SPACE}": "~",
    "\n": " ",
    "<": "$<$",
    ">": "$>$",
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻·", "0123456789-.")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_POWER = re.compile(r"\b([nd])\\textasciicircum\{\}(\$-\$)?([0-9.]*[0-9])")


def latex(table: Table) -> str:
    """Return a ``table`` environment; it needs the package booktabs alone."""
    frame = pd.DataFrame(
        [[_entry(entry) for entry in row] for row in table.rows],
        columns=[escape(heading) for heading in table.headings()],
    )
    shape = "".join("r" if column.align == "num" else "l" for column in table.columns)
    text = frame.to_latex(
        index=False,
        escape=False,
        column_format=shape,
        caption=escape(f"{table.title.rstrip('.')}. {table.caption}".strip()),
        label=f"tab:{table.name}",
    )
    return str(text)


def escape(text: str, *, powers: bool = True) -> str:
    """Return text that LaTeX prints as it is; with ``powers`` exponents such as ``n^2`` are raised."""
    marked = "".join(_SPECIAL.get(sign) or _SIGNS.get(sign, sign) for sign in text)
    marked = _SUPERSCRIPTS.sub(lambda found: f"$^{{{found[0].translate(_RAISED)}}}$", marked)
    if not powers:
        return marked
    return _POWER.sub(lambda found: f"${found[1]}^{{{'-' if found[2] else ''}{found[3]}}}$", marked)


def _entry(entry: Entry) -> str:
    text = escape(entry.text, powers=not entry.verbatim)
    return f"{text} ({escape(entry.note)})" if entry.note else text
