"""The paired tests against sacreBLEU's own on the texts, and their rate of false alarms."""

import numpy as np
import pytest
from sacrebleu import metrics as sacrebleu
from sacrebleu.significance import PairedTest

from analysis import significance
from analysis.corpus_scores import BLEU, CHRF
from analysis.significance import (
    bootstrap_p,
    compare,
    difference_interval,
    randomisation_p,
    score_interval,
    score_of,
)

VOCABULARY = [f"word{i}" for i in range(60)]


def texts(seed, count=40, *, noise=(0.3, 0.35)):
    """Return references and the outputs of two systems that change a share of the words."""
    rng = np.random.default_rng(seed)
    references = [list(rng.choice(VOCABULARY, size=rng.integers(3, 15))) for _ in range(count)]
    systems = [
        [
            " ".join(word if rng.random() > share else str(rng.choice(VOCABULARY)) for word in words)
            for words in references
        ]
        for share in noise
    ]
    return [" ".join(words) for words in references], *systems


def statistics(metric, outputs, references):
    return np.array(metric._extract_corpus_statistics(outputs, [references]), dtype=np.int64)


@pytest.mark.parametrize(("metric", "score"), [(sacrebleu.BLEU, BLEU), (sacrebleu.CHRF, CHRF)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_p_values_are_sacrebleus_own_on_the_texts(metric, score, seed, monkeypatch):
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    references, one, other = texts(seed)
    rows = [statistics(metric(), outputs, references) for outputs in (one, other)]
    systems = [("one", one), ("other", other)]
    for kind, ours, samples in (("bs", bootstrap_p, 300), ("ar", randomisation_p, 300)):
        name = "resamples" if kind == "bs" else "trials"
        _, found = PairedTest(systems, {"m": metric()}, [references], kind, n_samples=samples)()
        expected = next(values for label, values in found.items() if label != "System")[1].p_value
        assert ours(*rows, score, **{name: samples}) == expected


def test_small_pieces_draw_what_one_draw_would(monkeypatch):
    references, one, other = texts(5, 37)
    rows = [statistics(sacrebleu.BLEU(), outputs, references) for outputs in (one, other)]
    whole = compare(*rows, BLEU)
    monkeypatch.setattr(significance, "_AT_ONCE", 37 * 96)
    assert compare(*rows, BLEU) == whole


def test_a_clear_difference_is_found_and_its_interval_excludes_zero():
    references, one, other = texts(7, 80, noise=(0.1, 0.5))
    rows = [statistics(sacrebleu.BLEU(), outputs, references) for outputs in (one, other)]
    found = compare(*rows, BLEU)
    assert found.difference == pytest.approx(
        sacrebleu.BLEU().corpus_score(one, [references]).score
        - sacrebleu.BLEU().corpus_score(other, [references]).score
    )
    assert found.interval.covers == "sentences"
    assert found.interval.n == 80
    assert 0 < found.interval.low < found.difference < found.interval.high
    assert found.p_bootstrap < 0.01
    assert found.p_randomisation < 0.001


def test_equal_systems_and_a_single_unlike_sentence_are_no_finding():
    references, one, _ = texts(9)
    rows = statistics(sacrebleu.BLEU(), one, references)
    assert compare(rows, rows, BLEU).p_bootstrap == 1.0
    assert compare(rows, rows, BLEU).p_randomisation == 1.0
    nearly = rows.copy()
    nearly[0] = statistics(sacrebleu.BLEU(), [references[0]], [references[0]])[0]
    # exchanged or not, the difference is as large: this says nothing
    assert randomisation_p(nearly, rows, BLEU) == 1.0


def test_several_runs_share_their_resamples():
    references, one, other = texts(11)
    a, b = (statistics(sacrebleu.BLEU(), outputs, references) for outputs in (one, other))
    twice = np.stack([a, a]), np.stack([b, b])
    assert compare(*twice, BLEU) == compare(a, b, BLEU)
    mixed = np.stack([a, b])
    assert score_of(mixed, BLEU) == pytest.approx((score_of(a, BLEU) + score_of(b, BLEU)) / 2)
    alone = score_interval(a, BLEU)
    assert alone.low < score_of(a, BLEU) < alone.high


@pytest.mark.parametrize("test", [bootstrap_p, randomisation_p])
def test_false_alarms_are_as_rare_as_promised(test):
    """Two equally good systems: about 5 % of tests may fall below 0.05, here of 200."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        words = rng.integers(5, 25, size=60)
        systems = []
        for _ in range(2):
            correct = [rng.binomial(np.maximum(words - n, 0), 0.6 * 0.8**n) for n in range(4)]
            totals = [np.maximum(words - n, 0) for n in range(4)]
            systems.append(np.stack([words, words, *correct, *totals], axis=1))
        name = "resamples" if test is bootstrap_p else "trials"
        alarms += test(*systems, BLEU, **{name: 200}) < 0.05
    assert 1 <= alarms <= 20  # P(more than 20 | 5 %) = 0.001


def test_unlike_sentences_and_too_few_are_refused():
    rows = np.ones((5, 10), dtype=np.int64)
    with pytest.raises(ValueError, match="unlike"):
        bootstrap_p(rows, rows[:4], BLEU)
    with pytest.raises(ValueError, match="18 sums"):
        score_of(rows, CHRF)
    assert score_interval(rows[:1], BLEU) is None
    assert difference_interval(rows[:1], rows[:1], BLEU) is None
