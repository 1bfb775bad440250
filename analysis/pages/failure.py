"""The page of a failure: why did this architecture fail on this task?"""

from analysis.pages.case import STATES, Case
from analysis.pages.explanations import explanations, others_told, summed_up
from analysis.pages.failing import Failure, fall_told, fallen
from analysis.pages.page import Gallery, Page, Part
from analysis.pages.pictures import Pictures
from analysis.pages.site import Site
from analysis.pages.slices import accuracies
from analysis.pages.tables import learning_rates, scores
from analysis.wording import listed, number, plural, scaled, seconds

LIMITS = (
    "Why it failed: what stands above goes together with the failure in the same records. To show that "
    "one of it is the cause takes a run in which that alone is changed.",
    "What a longer training, another size or a wider search over hyperparameters would reach. "
    "Unconverged is not incapable, and a flat curve is a plateau at this budget, not a proof.",
    "That another seed fails in the same way: see the seeds one by one.",
)


def failure_page(found: Failure, site: Site, pictures: Pictures) -> Page:
    """Return the page of one failure."""
    pair, place = found.pair, (found.pair.setting, found.pair.architecture)
    look = site.looks[pair.architecture]
    beside = site.beside(pair)
    case = Case(
        failure=found,
        others=[other for other in beside if other is not pair],
        results=site.view.results,
        profiles=site.profiles,
        looks=site.looks,
    )
    points = explanations(case)
    rates = learning_rates(pair)
    others = scores(beside, site, by_task=False, current=pair.architecture)
    parts = [
        Part(
            anchor="together",
            heading="What goes together with it",
            answer=summed_up(points),
            texts=tuple(others_told(points)),
            points=tuple(sorted(points, key=lambda point: STATES.index(point.state))),
        ),
        Part(
            anchor="training",
            heading="Had training converged?",
            texts=(_trained(found),) if pair.runs else (),
            galleries=pictures.training(pair),
            charts_first=True,
            tables=(rates,) if rates else (),
        ),
        _where(found, site, pictures),
        _shown("gradient", "What arrives of the gradient?", pictures.gradient(pair)),
        _shown("attention", "Where does it look?", pictures.attention(pair)),
        _shown("exposure", "And on its own prefixes?", pictures.exposure(pair)),
        Part(
            anchor="others",
            heading="The others on the same task",
            galleries=pictures.scores(pair.task),
            charts_first=True,
            tables=(others,) if others else (),
            limits=LIMITS,
        ),
    ]
    return Page(
        path=site.failure_path(place),
        title=f"Why did it fail? {look.label} on {pair.label}",
        lead=f"{_how(found)} {found.text}",
        facts=_facts(found),
        crumbs=(*site.crumbs, site.architecture_link(pair.architecture)),
        parts=tuple(part for part in parts if part is not None),
    )


def _how(found: Failure) -> str:
    return {
        "no score": "No run ended with a score.",
        "learned, but not for the test": "It solves examples like those it was trained on, and not the "
        "test’s.",
        "falls": "It solves the small ones and fails on the large ones.",
        "as good as guessing": "Its score is not told apart from what needs no source.",
        "below 90 %": "It is better than guessing, and does not solve the task.",
    }[found.why]


def _facts(found: Failure) -> tuple[tuple[str, str], ...]:
    pair = found.pair
    rates = list(dict.fromkeys(f"{r.learning_rate:g}" for r in pair.runs if r.learning_rate))
    done = sum(run.converged for run in pair.runs)
    rows = [
        ("Mean " + pair.kind.words, "" if pair.mean is None else pair.kind.shown(pair.mean)),
        *((words, pair.kind.shown(value)) for words, value in pair.baselines.items()),
        ("Converged", f"{done} of {plural(len(pair.runs), 'seed')}" if pair.runs else ""),
        ("Learning rate", listed(rates, "or")),
        ("Parameters", number(_rounded(pair.mean_of("parameters")))),
        ("Training FLOPs", scaled(pair.mean_of("training_flops"))),
        ("Training time", seconds(pair.mean_of("seconds"))),
    ]
    known = [(label, value) for label, value in rows if value.replace("–", "").strip(" ,")]
    return tuple((label[:1].upper() + label[1:], value) for label, value in known)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value)


def _trained(found: Failure) -> str:
    low = found.pair.low or found.pair.runs
    steps = sorted({int(value) for run in low if (value := run.metric("steps")) is not None})
    done = sum(run.converged for run in low)
    told = f"Of {plural(len(low), 'failing seed')} {done} had converged"
    told += f" after {listed(f'{count:,}' for count in steps)} steps" if steps else ""
    return (
        f"{told}. A seed that had not says unconverged, which is not incapable; one that had says "
        "incapable at this budget."
    )


def _where(found: Failure, site: Site, pictures: Pictures) -> Part | None:
    """Return accuracy by distance, length or load; None where the task has no such slices."""
    if not found.pair.slices:
        return None
    falls = fallen(found.pair)
    return Part(
        anchor="size",
        heading="Where does it fail?",
        texts=(fall_told(falls),) if falls else (),
        galleries=pictures.accuracy(found.pair),
        tables=tuple(accuracies(site.beside(found.pair), site)),
        charts_first=True,
    )


def _shown(anchor: str, heading: str, galleries: tuple[Gallery, ...]) -> Part | None:
    """Return a part that shows charts, or None without any."""
    return Part(anchor=anchor, heading=heading, galleries=galleries) if galleries else None
