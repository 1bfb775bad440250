"""Figure ``formal_languages``: accuracy against length beyond the trained ones, a panel a task."""

from dataclasses import replace

from analysis.figures import length_generalisation
from analysis.figures.base import Figure
from analysis.formal_languages import LANGUAGES
from analysis.view import View


def draw(view: View) -> Figure | None:
    """Draw a panel for each task with at least two tested lengths, in the order of the levels."""
    figure = length_generalisation.drawn(view, LANGUAGES)
    if figure is None:
        return None
    title = "How far do rules learned on short strings hold?"
    return replace(figure, name="formal_languages", title=title)
