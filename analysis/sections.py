"""The questions: answer, remarks, figures, tables, and what they do not show."""

from dataclasses import dataclass

from analysis import answers
from analysis.agreement import TASK, only
from analysis.figures import draw
from analysis.figures.base import Figure
from analysis.formal_languages import LANGUAGES
from analysis.pretraining import PRETRAINING
from analysis.reach import TASK as SIGHT
from analysis.sections_ablation import ablation
from analysis.sections_agreement import agreement
from analysis.sections_formal_languages import formal_languages
from analysis.sections_mechanisms import mechanisms
from analysis.sections_pretraining import pretraining
from analysis.sections_reach import reach
from analysis.sections_translation import translation
from analysis.sections_tuning import tuning
from analysis.tables import tabulate
from analysis.tables.base import Table
from analysis.view import View


@dataclass(frozen=True, kw_only=True)
class Section:
    """One question with all that answers it."""

    anchor: str
    short: str
    question: str
    answer: str
    remarks: tuple[str, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    limits: tuple[str, ...]
    leading: int = 0  # so many of the tables stand before the figures

    @property
    def shows(self) -> bool:
        """Whether there is anything in it: a figure or a table."""
        return bool(self.figures or self.tables)


def sections(view: View, full: View | None = None) -> list[Section]:
    """Return the questions, in order.

    ``view`` holds one setting an architecture, ``full`` all that are planned, for questions about them.

    One of the three of Table 1 without records says so, unless only other questions have any.
    """
    # these have sections of their own
    memory = only(view, (TASK, SIGHT, *LANGUAGES, *PRETRAINING), inside=False)
    three = [
        _section(
            memory,
            anchor="memory",
            short="How far back?",
            question="How far back can each remember?",
            answer=answers.remembered(memory),
            remarks=answers.memory_remarks(memory),
            figures=(
                *("accuracy_by_distance", "gradient_profile", "training_curves", "digits"),
                "length_generalisation",
                *(() if view.translations.systems else ("exposure_gap",)),
            ),
            tables=("spans", "digits"),
            limits=(
                "What a larger budget, another width or a longer search over hyperparameters would "
                "reach: a flat training curve is a plateau at this budget, not a proof.",
                "Natural language. The task keeps everything but the distance fixed; real dependencies "
                "differ in more than that.",
                "That the gradient causes the failure: a small J(k) and a low accuracy at the same "
                "distance go together, no more.",
            ),
        ),
        _section(
            view,
            anchor="speed",
            short="How fast?",
            question="How fast do they train as sequences grow?",
            answer=answers.trained_fast(view),
            remarks=answers.speed_remarks(view),
            figures=("throughput", "kernels", "step_time"),
            tables=("throughput", "kernels"),
            limits=(
                "Any other device: which kernels are fused, and how many cores there are, decides "
                "much of the order. On a CPU torch fuses the LSTM, but not the vanilla RNN.",
                "Time to a given quality: a step’s time says nothing about how many steps are needed.",
                "A fixed batch: with the number of tokens fixed, the batch shrinks as n grows.",
            ),
        ),
        _section(
            view,
            anchor="scaling",
            short="How does it scale?",
            question="How do time, memory and FLOPs scale with length?",
            answer=answers.scaled_with_length(view),
            remarks=[],
            figures=("layer_time", "memory", "flops", "depth"),
            tables=("exponents", "crossovers"),
            limits=(
                "Lengths beyond those measured: slopes still bend, see the last step’s.",
                "Small sizes: there fixed costs of calling a kernel hide the arithmetic.",
                "Whole models: Table 1 is a table of layers, and a model has more.",
            ),
        ),
    ]
    asked = [translation(view)] if view.translations.systems else []
    if language := agreement(view):
        asked.append(language)
    if formal := formal_languages(view):
        asked.append(formal)
    if tuned := tuning(view):
        asked.append(tuned)
    others = [_section(view, **parts) for parts in asked]
    if sight := reach(full or view):
        others.insert(0, _section(full or view, **sight))
    if parts := mechanisms(full or view):
        others.append(_section(full or view, **parts))
    if options := ablation(full or view):
        others.append(_section(full or view, **options))
    if few := pretraining(full or view):
        others.append(_section(full or view, **few))
    others = [section for section in others if section.shows]
    return three + others if any(section.shows for section in three) or not others else others


def _section(
    view: View,
    *,
    anchor: str,
    short: str,
    question: str,
    answer: str,
    remarks: list[str],
    figures: tuple[str, ...],
    tables: tuple[str, ...],
    limits: tuple[str, ...],
    leading: tuple[str, ...] = (),
) -> Section:
    drawn = tuple(figure for name in figures if (figure := draw(name, view)) is not None)
    names = (*leading, *tables)
    tabulated = tuple(table for name in names if (table := tabulate(name, view)) is not None)
    return Section(
        anchor=anchor,
        short=short,
        question=question,
        answer=answer,
        remarks=tuple(remarks),
        figures=drawn,
        tables=tabulated,
        limits=limits if drawn or tabulated else (),
        leading=sum(table.name in leading for table in tabulated),
    )
