"""Figure ``formal_languages``: accuracy against length beyond the trained ones, a panel a task."""

from dataclasses import replace

from analysis.agreement import only
from analysis.figures import accuracy
from analysis.figures.base import Figure
from analysis.formal_languages import LANGUAGES
from analysis.view import View
from analysis.wording import plural


def draw(results: View) -> Figure | None:
    """Draw a panel for each task with at least two tested lengths, in the order of the levels."""
    figure = accuracy.draw(only(results, LANGUAGES))
    if figure is None:
        return None
    data = figure.data[figure.data.task.isin(LANGUAGES)]
    if data.empty:
        return None
    order = {f"accuracy_{task}_length": place for place, task in enumerate(LANGUAGES)}
    panels = sorted(figure.panels, key=lambda panel: order[panel.name])
    seeds = int(data.groupby(["task", "architecture"]).seed.nunique().max())
    return replace(
        figure,
        name="formal_languages",
        title="How far do rules learned on short strings hold?",
        caption="Test accuracy at lengths beyond the trained ones. Each point is one seed (at most "
        f"{plural(seeds, 'seed')} an architecture), the line their mean, the dashed line chance.",
        panels=tuple(panels),
        data=data,
        size="third",
    )
