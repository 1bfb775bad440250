"""Claim D3, its figure and its section: every verdict, from numbers written down by hand."""

import pytest

from analysis.claims.pretraining import verdict
from analysis.figures.pretraining import draw
from analysis.sections import sections
from analysis.view import View
from experiments.cell import Cell
from tests.analysis.synthetic import Synthetic

JITTER = (0.00, 0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 0.003, -0.003, 0.008, -0.008, 0.001)
SHARES = (0.01, 0.1, 1.0)
BASE = {0.01: 0.6, 0.1: 0.7, 1.0: 0.85}
GAINS = {0.01: 0.15, 0.1: 0.1, 1.0: 0.03}


def few(
    gains: dict[float, float] = GAINS,
    seeds: int = 12,
    *,
    denoising: float | None = None,
    converged: bool = True,
    status: str = "ok",
    architectures: tuple[str, ...] = ("lstm", "transformer"),
    corpus: str = "topics",
    made: Synthetic | None = None,
) -> Synthetic:
    made = made or Synthetic()
    for name in architectures:
        for seed in range(seeds):
            for share in SHARES:
                kinds = [("train", "none", 0.0), ("train", "corpus", gains[share] + JITTER[seed])]
                if denoising is not None:
                    kinds.append(("fine_tune", "none", denoising - JITTER[seed]))
                for measure, vectors, gain in kinds:
                    made.add(
                        Cell(
                            measure=measure,
                            architecture=name,
                            task="few_labels",
                            model={"width": 16},
                            data={"corpus": corpus, "share": share, "vectors": vectors},
                            seed=seed,
                        ),
                        status=status if seed == seeds - 1 else "ok",
                        block=f"{name} {seed}",
                        metrics={
                            "test": BASE[share] + gain,
                            "converged": converged,
                            "chance": 0.5,
                            **({"vectors_of_words": 0.9, "vectors_of_text": 0.95} if gain else {}),
                        },
                    )
    return made


def test_vectors_that_help_most_with_little_data_support_it() -> None:
    found = verdict(few(denoising=0.02).results())
    assert found.verdict == "supported", found.missing
    by_id = {part.claim.id: part for part in found.parts}
    assert by_id["D3.lstm.vectors.0.01"].effect_value == pytest.approx(0.15, abs=0.001)
    assert by_id["D3.lstm.most"].effect_value == pytest.approx(0.12, abs=0.001)
    assert (
        "gains +0.15 with 1\u202f% of the labels and +0.03 with 100\u202f%"
        in by_id["D3.lstm.most"].effect
    )
    deciding = {part.claim.id for part in found.parts if part.decides}
    assert deciding == {
        f"D3.{name}.{part}" for name in ("lstm", "transformer") for part in ("vectors.0.01", "most")
    }
    assert by_id["D3.transformer.denoising.0.01"].effect_value == pytest.approx(0.02, abs=0.001)
    assert found.p_value is not None
    assert found.p_value < 0.01
    assert found.seeds == 12


@pytest.mark.parametrize(
    "gains",
    [
        {0.01: 0.0, 0.1: 0.1, 1.0: -0.2},  # no help at the small end
        {0.01: 0.1, 0.1: 0.1, 1.0: 0.1},  # help, but as much with all labels
        {0.01: -0.1, 0.1: 0.0, 1.0: -0.3},  # harm, if less of it
    ],
)
def test_either_half_that_fails_refutes(gains: dict[float, float]) -> None:
    assert verdict(few(gains).results()).verdict == "refuted"


def test_it_needs_every_architecture() -> None:
    made = few(architectures=("lstm",))
    few(dict.fromkeys(SHARES, 0.0), architectures=("transformer",), made=made)
    assert verdict(made.results()).verdict == "refuted"


def test_what_is_beside_it_does_not_decide() -> None:
    harmful = few(GAINS | {0.1: -0.3}, denoising=-0.3)
    assert verdict(harmful.results()).verdict == "supported"


def test_few_unconverged_or_unfinished_seeds_leave_it_open() -> None:
    some = verdict(few(seeds=3).results())
    assert some.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in some.missing
    assert "+0.15" in some.effect
    moving = verdict(few(converged=False).results())
    assert moving.verdict == "inconclusive"
    assert "had not all converged" in moving.effect
    broken = verdict(few(status="timed_out").results())
    assert broken.verdict == "inconclusive"
    assert "timed out (seed 11)" in broken.missing


def test_nothing_measured_is_said() -> None:
    assert "not measured" in verdict(Synthetic().results()).missing
    bare = Synthetic()
    bare.add(Cell(measure="train", architecture="lstm", task="few_labels", data={"share": 0.1}))
    assert "not measured" in verdict(bare.results()).missing


def test_texts_are_not_mixed() -> None:
    made = few()
    few(dict.fromkeys(SHARES, -0.4), seeds=3, corpus="reviews", made=made)
    found = verdict(made.results())
    assert found.verdict == "supported"
    assert {made.results().planned[key]["cell"]["data"]["corpus"] for key in found.evidence} == {
        "topics"
    }


def test_the_figure_has_every_point_and_the_section_says_the_gains() -> None:
    made = few(seeds=3, denoising=0.02)
    view = View(made.results())
    figure = draw(view)
    assert figure is not None
    assert len(figure.data) == len(made.records) == 54
    assert [panel.name for panel in figure.panels] == ["pretraining_lstm", "pretraining_transformer"]
    for panel in figure.panels:
        for words in ("from word vectors", "from denoising", "from random numbers", "chance"):
            assert words in panel.svg
    shown = {section.anchor: section for section in sections(view)}
    section = shown["pretraining"]
    assert (
        "by +15.0 points with 1\u202f%, +10.0 points with 10\u202f% and +3.0 points" in section.answer
    )
    assert "90.0\u202f% of the vocabulary" in section.remarks[0]
    assert "the unlabelled training text" in section.remarks[0]
    assert "memory" not in shown, "a figure of scores would mix shares up"
    assert draw(View(Synthetic().results())) is None
    assert "pretraining" not in {section.anchor for section in sections(View(Synthetic().results()))}
