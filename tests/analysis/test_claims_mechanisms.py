"""Claims T6, T7, T9, T10 and T11: every verdict, from numbers written down by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from analysis.claims import causal, feedforward, normalisation, residual, translation_exposure, warmup
from analysis.claims.base import Verdict
from analysis.load import Results
from experiments.cell import Cell
from tests.analysis.synthetic import CHANCE, Synthetic

JITTER = (0.00, 0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 0.003, -0.003, 0.008, -0.008, 0.001)
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def trained(
    made: Synthetic,
    seed: int,
    test: float,
    *,
    task: str = "listops",
    model: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    status: str = "ok",
    converged: bool = True,
    metrics: Mapping[str, Any] | None = None,
    **fields: Any,
) -> str:
    """Add a training run of a Transformer."""
    cell = Cell(
        measure="train",
        architecture="transformer",
        task=task,
        model={"width": 32, "layers": 2, **(model or {})},
        recipe={"steps": 600, "learning_rates": [0.001], **(recipe or {})},
        seed=seed,
    )
    scores = {"test": test, "converged": converged, "chance": CHANCE, **(metrics or {})}
    return made.add(cell, status=status, block=cell.key, metrics=scores, **fields)


def part(verdict: Verdict, suffix: str) -> Verdict:
    return next(p for p in verdict.parts if p.claim.id == f"{verdict.claim.id}.{suffix}")


def unconverged(made: Synthetic) -> Results:
    for record in made.records:
        record.metrics.update(converged=False)
    return made.results()


# T6 --------------------------------------------------------------------------------------------------


def networks(
    gain: float, *, level: float = 0.8, seeds: int = 12, difference: float = 3e-16
) -> Synthetic:
    made = Synthetic()
    made.measured(
        "identity",
        "transformer",
        options={"of": "linearity"},
        metrics={"difference": difference, "size": 1.0, "control": 0.5},
    )
    for seed in range(seeds):
        trained(made, seed, level + JITTER[seed], model={"feedforward": 71, "width": 12})
        trained(made, seed, level - gain - JITTER[seed], model={"feedforward": 0, "width": 24})
        # of other questions: another depth, another recipe
        trained(made, seed, 0.1, model={"feedforward": None, "layers": 8})
        trained(made, seed, 0.1, model={"feedforward": 71, "width": 12}, recipe={"steps": 9})
    return made


def test_a_network_that_helps_and_one_that_does_not() -> None:
    verdict = feedforward.verdict(networks(0.3).results())
    assert verdict.verdict == "supported", verdict.missing
    assert "scores 0.80 and a Transformer of attention alone 0.50" in verdict.effect
    assert part(verdict, "exact").claim.kind == "exact"
    assert len(part(verdict, "task").evidence) == 24
    assert feedforward.verdict(networks(0.0).results()).verdict == "refuted"
    assert feedforward.verdict(networks(0.3, difference=0.1).results()).verdict == "refuted"


def test_few_seeds_or_nothing_learned_leave_the_network_open() -> None:
    few = feedforward.verdict(networks(0.3, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in few.missing
    guessing = feedforward.verdict(networks(0.0, level=CHANCE + 0.02).results())
    assert guessing.verdict == "inconclusive"
    assert "not learned at this budget" in guessing.missing
    moving = feedforward.verdict(unconverged(networks(0.3)))
    assert moving.verdict == "inconclusive"
    assert "had not all converged" in moving.effect
    assert "not measured" in feedforward.verdict(Synthetic().results()).missing


# T7 --------------------------------------------------------------------------------------------------


def decoders(
    loss: float, free: float, *, masked: float = 0.97, seeds: int = 12, status: str = "ok"
) -> Synthetic:
    made = Synthetic()
    for seed in range(seeds):
        for mask, end, score in ((False, loss, free), (True, 0.02, masked)):
            value = score + JITTER[seed]
            trained(
                made,
                seed,
                value,
                task="reversal",
                model={"causal": mask, "positions": "rotary"},
                status=status if not mask and seed == 0 else "ok",
                metrics={"test_teacher_forced": 0.999},
                curves={"training_loss": [[10, 2.0], [600, end * (1 + JITTER[seed])]]},
                slices=[
                    {"split": split, "slice": "length", "value": 8, "correct": correct, "count": 1000}
                    for split, correct in (("test", 1000 * value), ("test_teacher_forced", 999))
                ],
            )
    return made


def test_a_decoder_without_its_mask_copies_and_fails() -> None:
    verdict = causal.verdict(decoders(1e-3, 0.05).results())
    assert verdict.verdict == "supported", verdict.missing
    assert "the training loss is 0.001 nats a token, with it 0.02" in verdict.effect
    assert "100% of the symbols where it is shown them, and 5% in generation" in verdict.effect
    assert "with the mask 97%" in verdict.effect


def test_a_decoder_that_generates_without_its_mask_refutes() -> None:
    answers = causal.verdict(decoders(1e-3, 0.9).results())
    assert answers.verdict == "refuted"
    assert part(answers, "training").verdict == "supported"
    assert causal.verdict(decoders(0.4, 0.05).results()).verdict == "refuted"


def test_what_the_mask_alone_does_not_explain_is_open() -> None:
    both_fail = causal.verdict(decoders(1e-3, 0.05, masked=0.2).results())
    assert both_fail.verdict == "inconclusive"
    assert "not learned with the mask either" in both_fail.missing
    few = causal.verdict(decoders(1e-3, 0.05, seeds=3).results())
    assert (few.verdict, few.seeds_missing) == ("inconclusive", 7)
    failed = causal.verdict(decoders(1e-3, 0.05, status="failed").results())
    assert "without the mask on reversal failed (seed 0)" in failed.missing
    assert causal.verdict(unconverged(decoders(1e-3, 0.05))).verdict == "inconclusive"
    assert "not measured" in causal.verdict(Synthetic().results()).missing


def test_the_exposure_gap_leaves_out_a_decoder_that_is_shown_the_answer() -> None:
    gaps = translation_exposure.gather(decoders(1e-3, 0.05).results())
    assert [len(one.rows) for one in gaps] == [12], "one run a seed: that with the mask"
    verdict = translation_exposure.verdict(decoders(1e-3, 0.05).results())
    assert part(verdict, "1.growth").effect_value is None, "one length has no growth"


# T9 --------------------------------------------------------------------------------------------------


def stacks(gains: Mapping[int, float], *, seeds: int = 12, level: float = 0.8) -> Synthetic:
    made = Synthetic()
    for depth, gain in gains.items():
        for seed in range(seeds):
            for kept in (True, False):
                model = {"layers": depth, "residual": kept, "norm": "pre"}
                score = level + JITTER[seed] if kept else level - gain - JITTER[seed]
                trained(made, seed, score, model=model)
                fading = 1.0 if kept else 10.0 ** -(depth + JITTER[seed])
                made.add(
                    Cell(
                        measure="layer_gradients",
                        architecture="transformer",
                        task="listops",
                        model={"width": 32, **model},
                        seed=seed,
                    ),
                    metrics={"bottom": fading * (1 + JITTER[seed]), "top": 1.0},
                )
    return made


def test_the_deepest_stack_decides() -> None:
    verdict = residual.verdict(stacks({2: 0.0, 16: 0.6}).results())
    assert verdict.verdict == "supported", verdict.missing
    assert part(verdict, "2").verdict == "refuted"
    assert not part(verdict, "2").decides
    gradient = part(verdict, "gradient.16")
    assert gradient.verdict == "supported"
    assert "1 times that of the top one with residual connections and 1e-16" in gradient.effect
    assert not gradient.decides
    assert residual.verdict(stacks({2: 0.6, 16: 0.0}).results()).verdict == "refuted"


def test_stacks_that_were_not_trained_leave_it_open() -> None:
    few = residual.verdict(stacks({2: 0.0, 16: 0.6}, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in few.missing
    guessing = residual.verdict(stacks({16: 0.0}, level=CHANCE).results())
    assert guessing.verdict == "inconclusive"
    assert "not learned" in guessing.missing
    assert "not measured" in residual.verdict(Synthetic().results()).missing


# T10 and T11 -----------------------------------------------------------------------------------------


def ladders(
    reached: Mapping[tuple[str, int], Sequence[float]],
    *,
    seeds: int = 12,
    level: float = 0.8,
    diverged: bool = False,
    steps: Mapping[str, int] | None = None,
    best: Mapping[tuple[str, int], float] | None = None,
) -> Synthetic:
    """(norm, warm-up) → the rates that train; the others stay at chance, or diverge."""
    made = Synthetic()
    for (norm, warm), good in reached.items():
        for seed in range(seeds):
            score = (best or {}).get((norm, warm), level) + JITTER[seed]
            after = (steps or {}).get(norm, 100)
            trained(
                made,
                seed,
                score if good else CHANCE,
                model={"norm": norm},
                recipe={"learning_rates": list(RATES), "warmup_steps": warm},
                status="ok" if good or not diverged else "diverged",
                curves={"validation": [[50, CHANCE], [after + seed, score]] if good else []},
                trials=[
                    {
                        "learning_rate": rate,
                        "status": "diverged" if diverged and rate not in good else "ok",
                        "validation": score if rate in good else CHANCE,
                    }
                    for rate in RATES
                ]
                if good or not diverged
                else [],
            )
    return made


WIDE, NARROW = RATES[1:4], RATES[1:2]


def test_normalisation_widens_the_range_that_trains() -> None:
    made = ladders(
        {("pre", 50): WIDE, ("post", 50): WIDE[:2], ("none", 50): NARROW, ("pre", 0): RATES},
        steps={"none": 400},
    )
    verdict = normalisation.verdict(made.results())
    assert verdict.verdict == "supported", verdict.missing
    assert part(verdict, "pre").effect_value == pytest.approx(2.0)
    assert "3.0 of 5 learning rates train (validation 0.45 or more)" in part(verdict, "pre").effect
    assert "a range 1e+02 times as wide" in part(verdict, "pre").effect
    largest = part(verdict, "pre.largest")
    assert "trains is 0.1 normalised before each sub-layer and 0.001 without" in largest.effect
    assert (largest.effect_value, largest.decides) == (pytest.approx(2.0), False)
    speed = part(verdict, "pre.speed")
    assert "after 106 steps, without normalisation after 406" in speed.effect
    assert not speed.decides


@pytest.mark.parametrize("diverged", [False, True])
def test_a_range_that_is_no_wider_refutes(diverged: bool) -> None:
    same = ladders({("pre", 50): WIDE, ("post", 50): NARROW, ("none", 50): NARROW}, diverged=diverged)
    verdict = normalisation.verdict(same.results())
    assert verdict.verdict == "refuted"
    assert part(verdict, "pre").verdict == "supported"


def test_training_that_diverges_at_every_rate_has_no_range() -> None:
    made = ladders({("pre", 50): WIDE, ("post", 50): WIDE, ("none", 50): ()}, diverged=True)
    verdict = normalisation.verdict(made.results())
    assert verdict.verdict == "supported", verdict.missing
    assert part(verdict, "post").effect_value == pytest.approx(3.0)


def test_ranges_that_cannot_be_told_are_open() -> None:
    few = ladders({("pre", 50): WIDE, ("post", 50): WIDE, ("none", 50): NARROW}, seeds=3)
    verdict = normalisation.verdict(few.results())
    assert verdict.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in verdict.missing
    short = ladders({("pre", 50): RATES[:4], ("post", 50): RATES[:4], ("none", 50): RATES[:2]})
    assert "a longer ladder" in normalisation.verdict(short.results()).missing
    guessing = ladders(
        {("pre", 50): WIDE, ("post", 50): WIDE, ("none", 50): NARROW}, level=CHANCE + 0.03
    )
    assert "not learned" in normalisation.verdict(guessing.results()).missing
    one = normalisation.verdict(ladders({("pre", 50): WIDE, ("none", 50): NARROW}).results())
    assert part(one, "pre").verdict == "supported"
    assert (one.verdict, "normalised after each" in one.missing) == ("inconclusive", True)
    two = ladders({("pre", 50): WIDE, ("post", 50): WIDE})
    assert "not measured" in normalisation.verdict(two.results()).missing


def warmed(pre: float, post: float, seeds: int = 12) -> Synthetic:
    cells = {(norm, warm): WIDE for norm in ("pre", "post", "none") for warm in (50, 0)}
    return ladders(cells, seeds=seeds, best={("pre", 0): 0.8 - pre, ("post", 0): 0.8 - post})


def test_warm_up_is_needed_where_both_places_need_it() -> None:
    made = warmed(0.2, 0.4)
    for record in made.records:  # the gain must vary over seeds as scores do
        record.metrics["test"] += JITTER[record.cell.seed] * (record.cell.recipe["warmup_steps"] > 0)
    verdict = warmup.verdict(made.results())
    assert verdict.verdict == "supported", verdict.missing
    assert [p.claim.id for p in verdict.parts] == ["T11.post", "T11.pre"]
    assert part(verdict, "post").effect_value == pytest.approx(0.4, abs=0.01)


def test_one_place_that_does_without_refutes_and_the_other_keeps_its_verdict() -> None:
    verdict = warmup.verdict(warmed(0.0, 0.4).results())
    assert verdict.verdict == "refuted"
    assert (part(verdict, "post").verdict, part(verdict, "pre").verdict) == ("supported", "refuted")


def test_warm_up_with_few_seeds_is_open() -> None:
    few = warmup.verdict(warmed(0.2, 0.4, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in few.missing
    assert "not measured" in warmup.verdict(Synthetic().results()).missing
