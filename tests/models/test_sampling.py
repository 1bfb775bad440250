"""Sampling against the distributions that it should draw from."""

from typing import Any

import pytest
import torch

from models.decoding import greedy, log_probabilities, tokens_of
from models.errors import BadInput
from models.sampling import draw, sample
from tests.models.decoding_cases import ARCHITECTURES, MASK, SOURCE, build

PROBABILITIES = torch.tensor([0.05, 0.4, 0.1, 0.25, 0.2])


def drawn_shares(**options: Any) -> list[float]:
    """Return how often each token comes of evenly spaced uniform numbers."""
    uniform_N = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    tokens_N = draw(PROBABILITIES.log().expand(10_000, -1), uniform_N, **options)
    return (tokens_N.bincount(minlength=5) / 10_000).tolist()


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, [0.05, 0.4, 0.1, 0.25, 0.2]),
        ({"top_k": 2}, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
        ({"top_k": 99}, [0.05, 0.4, 0.1, 0.25, 0.2]),
        ({"top_p": 0.6}, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),  # 0.4 does not reach 0.6, 0.65 does
        ({"top_p": 0.66}, [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85]),
        ({"top_p": 0.01}, [0, 1, 0, 0, 0]),
        ({"top_p": 1.0}, [0.05, 0.4, 0.1, 0.25, 0.2]),
        ({"top_k": 3, "top_p": 0.5}, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),  # 0.4 / 0.85 < 0.5
        ({"top_k": 2, "top_p": 0.5}, [0, 1, 0, 0, 0]),  # 0.4 / 0.65 > 0.5
    ],
)
def test_tokens_come_as_often_as_they_should(options: dict[str, Any], wanted: list[float]) -> None:
    assert drawn_shares(**options) == pytest.approx(wanted, abs=2e-4)


def test_the_ends_of_the_unit_interval_draw_possible_tokens() -> None:
    logits_NV = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]]).expand(2, -1)
    ends_N = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    for options in ({}, {"top_k": 3}, {"top_p": 0.999}):
        assert sorted(draw(logits_NV, ends_N, **options).tolist()) == [1, 2]


def test_first_tokens_follow_the_model_and_its_temperature() -> None:
    model, count = build("lstm"), 4000
    outputs = [[token] for token in range(11)]
    for temperature in (0.5, 1.0, 2.0):
        totals = log_probabilities(model, SOURCE[:1].expand(11, -1), None, outputs)
        wanted_V = (totals / temperature).softmax(dim=0)
        generator = torch.Generator().manual_seed(0)
        (found,) = sample(
            model,
            SOURCE[:1],
            None,
            max_length=1,
            samples=count,
            temperature=temperature,
            generator=generator,
        )
        counts_V = torch.tensor([h.tokens[0] for h in found]).bincount(minlength=11)
        deviation_V = (counts_V - count * wanted_V) / (count * wanted_V * (1 - wanted_V)).sqrt()
        assert float(deviation_V.abs().max()) < 4


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_only_candidate_is_the_greedy_one(name: str) -> None:
    model = build(name)
    wanted = tokens_of(greedy(model, SOURCE, MASK, 12))
    for options in ({"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-6}):
        found = sample(model, SOURCE, MASK, max_length=12, samples=2, **options)
        for hypotheses, tokens in zip(found, wanted, strict=True):
            assert [list(h.tokens) for h in hypotheses] == [tokens, tokens]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_log_probability_is_the_models_own(name: str) -> None:
    model = build(name)
    found = sample(model, SOURCE, MASK, max_length=9, temperature=1.5, top_k=6)
    totals = log_probabilities(model, SOURCE, MASK, [row[0].tokens for row in found])
    for (hypothesis,), total in zip(found, totals.tolist(), strict=True):
        assert hypothesis.log_probability == pytest.approx(total, abs=1e-4)
        assert hypothesis.ended or len(hypothesis.tokens) == 9


def test_the_generator_decides_and_limits_are_kept() -> None:
    model = build("transformer")
    limits = torch.arange(1, 13)

    def tokens(seed: int) -> list[tuple[int, ...]]:
        generator = torch.Generator().manual_seed(seed)
        found = sample(model, SOURCE, MASK, max_length=limits, temperature=3.0, generator=generator)
        return [row[0].tokens for row in found]

    assert tokens(1) == tokens(1) != tokens(2)
    assert all(len(row) <= limit for row, limit in zip(tokens(1), limits.tolist(), strict=True))


def test_what_a_row_draws_does_not_depend_on_when_others_end() -> None:
    model = build("lstm")
    generator = torch.Generator()

    def tokens(limits: torch.Tensor) -> list[tuple[int, ...]]:
        generator.manual_seed(0)
        found = sample(model, SOURCE, MASK, max_length=limits, generator=generator)
        return [row[0].tokens for row in found]

    free = tokens(torch.full((12,), 10))
    cut = tokens(torch.tensor([1, 10] * 6))
    assert [row[:1] for row in free[::2]] == cut[::2]
    assert free[1::2] == cut[1::2]


@pytest.mark.parametrize(
    "options", [{"temperature": 0.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}, {"samples": 0}]
)
def test_what_cannot_be_sampled_is_refused(options: dict[str, Any]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(BadInput, match=f"{name} = {value}"):
        sample(build("rnn"), SOURCE, MASK, max_length=3, **options)
