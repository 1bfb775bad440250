"""Files of a report: the same bytes on every system."""

from pathlib import Path

import pandas as pd

from analysis.figures.base import Figure


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with line feeds; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_table(path: Path, data: pd.DataFrame) -> None:
    """Write numbers as CSV."""
    write_text(path, data.to_csv(index=False, lineterminator="\n"))


def write_figure(figure: Figure, folder: Path) -> None:
    """Write a figure's charts and the numbers that are drawn."""
    write_table(folder / f"{figure.name}.csv", figure.data)
    for panel in figure.panels:
        write_text(folder / f"{panel.name}.svg", panel.svg + "\n")
