"""Beam search against exhaustive search, greedy decoding and the model's own probabilities."""

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.base import Memory, Seq2Seq
from models.beam import beam_search, gnmt_length_penalty
from models.config import ModelConfig
from models.decoding import greedy, log_probabilities, tokens_of
from models.errors import BadInput
from models.hypothesis import Hypothesis
from models.problem import EOS, Problem
from tests.models.decoding_cases import ARCHITECTURES, MASK, SOURCE, VOCABULARY, build
from tests.models.toy import Toy

every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


def same(got: list[Hypothesis], wanted: list[Hypothesis]) -> None:
    assert [h.tokens for h in got] == [h.tokens for h in wanted]
    for mine, other in zip(got, wanted, strict=True):
        assert mine.log_probability == pytest.approx(other.log_probability, abs=1e-4)
        assert mine.score == pytest.approx(other.score, abs=1e-4)


def exhaustive(model: Seq2Seq, row: int, length: int, alpha: float) -> list[Hypothesis]:
    """Rank every sequence that ends with EOS, or is cut at ``length``."""
    alphabet = range(model.problem.target_size)
    outputs = []
    for n in range(1, length + 1):
        for tokens in itertools.product(alphabet, repeat=n):
            if EOS not in tokens[:-1] and (n == length or tokens[-1] == EOS):
                outputs.append(tokens)
    source = SOURCE[row : row + 1].expand(len(outputs), -1)
    mask = MASK[row : row + 1].expand(len(outputs), -1)
    totals = log_probabilities(model, source, mask, outputs).tolist()
    assert sum(map(math.exp, totals)) == pytest.approx(1, abs=1e-4)
    ranked = [
        Hypothesis(tokens, total, total / ((5 + len(tokens)) / 6) ** alpha)
        for tokens, total in zip(outputs, totals, strict=True)
    ]
    return sorted(ranked, key=lambda hypothesis: -hypothesis.score)


@every_architecture
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_beam_as_wide_as_the_vocabulary_is_exhaustive_search(name: str, alpha: float) -> None:
    model = build(name, target_size=5)
    options: dict[str, Any] = {"length_penalty": alpha, "n_best": 5}
    for beam, length in ((5, 2), (25, 3)):  # every open hypothesis has a place
        found = beam_search(model, SOURCE[:4], MASK[:4], beam=beam, max_length=length, **options)
        for row, got in enumerate(found):
            same(got, exhaustive(model, row, length, alpha)[:5])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), alpha=st.floats(-2, 3), n_best=st.integers(1, 16))
def test_stopping_early_never_loses_the_best(seed: int, alpha: float, n_best: int) -> None:
    model = build("lstm", target_size=4, seed=seed)
    found = beam_search(
        model, SOURCE[:1], MASK[:1], beam=36, length_penalty=alpha, max_length=4, n_best=n_best
    )
    same(found[0], exhaustive(model, 0, 4, alpha)[:n_best])


@every_architecture
def test_one_beam_is_greedy_decoding(name: str) -> None:
    model = build(name)
    wanted = tokens_of(greedy(model, SOURCE, MASK, 12))
    found = beam_search(model, SOURCE, MASK, beam=1, max_length=12, length_penalty=0.0)
    assert [list(hypotheses[0].tokens) for hypotheses in found] == wanted
    assert len({len(tokens) for tokens in wanted}) > 1, "rows should end at different places"


@every_architecture
@pytest.mark.parametrize("beam", [1, 4])
def test_the_log_probability_is_the_models_own(name: str, beam: int) -> None:
    model = build(name)
    found = beam_search(model, SOURCE, MASK, beam=beam, max_length=9, n_best=beam)
    for rank in range(beam):
        hypotheses = [row[rank] for row in found]
        totals = log_probabilities(model, SOURCE, MASK, [h.tokens for h in hypotheses])
        for hypothesis, total in zip(hypotheses, totals.tolist(), strict=True):
            assert hypothesis.log_probability == pytest.approx(total, abs=1e-4)
            penalty = ((5 + len(hypothesis.tokens)) / 6) ** 1.0
            assert hypothesis.score == pytest.approx(total / penalty, abs=1e-4)


@every_architecture
@pytest.mark.parametrize("stop", ["exact", "first"])
def test_a_sentence_gives_the_same_alone_and_in_a_padded_batch(name: str, stop: Any) -> None:
    model = build(name)
    options: dict[str, Any] = {"beam": 4, "n_best": 3, "stop": stop, "length_penalty": 0.6}
    together = beam_search(model, SOURCE, MASK, max_length=12, **options)
    for row, length in enumerate(MASK.sum(dim=1).tolist()):
        alone = beam_search(model, SOURCE[row : row + 1, :length], None, max_length=12, **options)
        same(together[row], alone[0])


def test_each_row_has_its_own_limit() -> None:
    model = build("transformer")
    with torch.no_grad():
        model.head.bias[EOS] = -4
    limits = torch.tensor([1, 2, 3, 4, 5, 6, 7, 8, 3, 2, 1, 9])
    found = beam_search(model, SOURCE, MASK, beam=3, max_length=limits, n_best=3)
    for row, limit in enumerate(limits.tolist()):
        alone = beam_search(
            model, SOURCE[row : row + 1], MASK[row : row + 1], beam=3, max_length=limit, n_best=3
        )
        same(found[row], alone[0])
        assert max(len(h.tokens) for h in found[row]) == limit
        assert all(h.ended or len(h.tokens) == limit for h in found[row])


def test_the_n_best_are_distinct_ranked_and_as_many_as_there_are() -> None:
    model = build("attentional")
    for hypotheses in beam_search(model, SOURCE, MASK, beam=6, max_length=8, n_best=6):
        assert len({h.tokens for h in hypotheses}) == 6
        scores = [h.score for h in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert all(EOS not in h.tokens[:-1] for h in hypotheses)
    small = build("lstm", target_size=4)
    (found,) = beam_search(small, SOURCE[:1], None, beam=9, max_length=1, n_best=9)
    assert len(found) == 4


def test_a_source_of_floats_and_no_source_at_all() -> None:
    torch.manual_seed(0)
    floats = Problem(source_kind="floats", source_size=3, target_size=9)
    alone = Problem(source_kind="none", source_size=0, target_size=9)
    for cls, options in ARCHITECTURES.values():
        config = cls.Config.model_validate({"width": 16, **options})
        cases = [(floats, torch.randn(3, 5, 3))]
        if cls.decoder_only:
            cases.append((alone, torch.zeros(3, 0, dtype=torch.long)))
        for problem, source in cases:
            model = cls(config, problem)
            found = beam_search(model, source, None, beam=3, max_length=6)
            totals = log_probabilities(model, source, None, [row[0].tokens for row in found])
            got = torch.tensor([row[0].log_probability for row in found], dtype=torch.float64)
            torch.testing.assert_close(got, totals, rtol=0, atol=1e-4)
            assert model.training


class Scripted(Toy):
    """Says the same at a position whatever came before: ``script`` (T, V) of probabilities."""

    script: Tensor
    steps = 0

    def start(self, memory: Memory) -> int:
        return 0

    def step(self, target_BD: Tensor, state: int, memory: Memory) -> tuple[Tensor, int]:
        self.steps += 1
        return self.script[state].log().clamp(min=-1e4).expand(len(target_BD), -1), state + 1


def scripted(rows: list[list[float]]) -> Scripted:
    """Return a model whose states are its logits."""
    V = len(rows[0])
    model = Scripted(ModelConfig(width=V).model_copy(update={"layers": 1}), _problem(V))
    with torch.no_grad():
        model.head.weight.copy_(torch.eye(V))
        model.head.bias.zero_()
    model.script = torch.tensor(rows)
    return model.eval()


def _problem(V: int) -> Problem:
    return Problem(source_size=VOCABULARY, target_size=V)


def search(model: Seq2Seq, **options: Any) -> Hypothesis:
    return beam_search(model, SOURCE[:1], None, **options)[0][0]


def test_first_come_first_served_stops_where_exact_search_goes_on() -> None:
    """EOS at once has 0.6; a longer answer 0.4, which a strong length penalty prefers."""
    rows = [[0, 0, 0.6, 0.4], [0, 0, 1.0, 0], [0, 0, 1.0, 0]]
    exact = scripted(rows)
    found = search(exact, beam=1, max_length=3, length_penalty=5.0)
    assert found.tokens == (3, EOS)
    assert found.score == pytest.approx(math.log(0.4) / (7 / 6) ** 5)
    first = scripted(rows)
    assert search(first, beam=1, max_length=3, length_penalty=5.0, stop="first").tokens == (EOS,)
    assert (exact.steps, first.steps) == (2, 1)


def test_a_sentence_is_done_when_no_open_hypothesis_can_win() -> None:
    rows = [[0, 0, 0.9, 0.1]] + [[0, 0.5, 0.0, 0.5]] * 9
    model = scripted(rows)
    found = search(model, beam=1, max_length=10, length_penalty=0.0)
    assert (found.tokens, model.steps) == ((EOS,), 1)
    # log(0.1) / lp(10) > log(0.9): it could still become probable enough, until it is not
    model = scripted(rows)
    assert search(model, beam=1, max_length=10, length_penalty=3.5).tokens == (EOS,)
    assert 1 < model.steps < 10


def test_the_length_penalty_is_that_of_equation_14() -> None:
    assert gnmt_length_penalty(1, 0.7) == 1.0
    assert gnmt_length_penalty(7, 1.0) == 2.0
    assert gnmt_length_penalty(19, 0.5) == 2.0
    assert gnmt_length_penalty(12, 0.0) == 1.0


def test_what_cannot_be_searched_is_refused() -> None:
    model = build("lstm")
    for options, message in (
        ({"beam": 0, "max_length": 3}, "beam = 0"),
        ({"beam": 2, "n_best": 3, "max_length": 3}, "n_best = 3"),
        ({"max_length": 0}, "max_length = 0"),
        ({"max_length": torch.tensor([3, 4])}, "2 entries for 12 sources"),
    ):
        with pytest.raises(BadInput, match=message):
            beam_search(model, SOURCE, MASK, **options)
    last = Problem(source_size=VOCABULARY, target_size=4, readout="last")
    with pytest.raises(BadInput, match="generates tokens"):
        beam_search(Toy(Toy.Config(width=16), last), SOURCE, MASK, max_length=3)
    with torch.no_grad():
        model.head.bias.fill_(math.nan)
    with pytest.raises(FloatingPointError, match="not finite"):
        beam_search(model, SOURCE, MASK, max_length=3)
