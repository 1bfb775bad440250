"""Scores from added statistics against sacreBLEU on the texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import metrics as sacrebleu

from analysis import corpus_scores
from analysis.corpus_scores import BLEU, CHRF, bleu, bleu_of, chrf, chrf_of

WORDS = st.sampled_from(["a", "b", "the", "dog", "runs", "far", "x-y", "“no”", "3.5", "!", "Ä", "한국"])
SENTENCE = st.lists(WORDS, max_size=9).map(" ".join)
CORPUS = st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=8)


def statistics(metric, outputs, references):
    return np.array(metric._extract_corpus_statistics(outputs, [references]), dtype=np.int64)


@settings(max_examples=150, deadline=None)
@given(CORPUS)
def test_added_statistics_give_sacrebleus_score_of_the_texts_to_the_last_digit(corpus):
    outputs, references = ([pair[side] for pair in corpus] for side in (0, 1))
    for metric, ours in ((sacrebleu.BLEU(), bleu), (sacrebleu.CHRF(), chrf)):
        rows = statistics(metric, outputs, references)
        assert ours(rows.sum(axis=0)) == metric.corpus_score(outputs, [references]).score


@settings(max_examples=150, deadline=None)
@given(st.lists(CORPUS, min_size=1, max_size=4))
def test_many_corpora_at_once_score_as_each_alone(corpora):
    for metric, score in ((sacrebleu.BLEU(), BLEU), (sacrebleu.CHRF(), CHRF)):
        rows = [
            statistics(metric, [o for o, _ in corpus], [r for _, r in corpus]).sum(axis=0)
            for corpus in corpora
        ]
        each = [score.one(row) for row in rows]
        assert score.many(np.array(rows, dtype=float)) == pytest.approx(each, rel=1e-12, abs=1e-12)


def test_extremes():
    perfect = np.array([9, 9, 9, 8, 7, 6, 9, 8, 7, 6])
    assert bleu(perfect) == pytest.approx(100)
    assert bleu_of(perfect[None].astype(float))[0] == pytest.approx(100)
    nothing = np.zeros(10, dtype=np.int64)
    assert bleu(nothing) == bleu_of(nothing[None].astype(float))[0] == 0
    assert chrf(np.zeros(18, dtype=np.int64)) == chrf_of(np.zeros((1, 18)))[0] == 0


@pytest.mark.parametrize(("score", "shape"), [(bleu, (9,)), (bleu, (2, 10)), (chrf, (10,))])
def test_other_statistics_are_refused(score, shape):
    with pytest.raises(ValueError, match="sums are needed"):
        score(np.zeros(shape, dtype=np.int64))


def test_orders_are_sacrebleus_defaults():
    assert sacrebleu.BLEU().max_ngram_order == corpus_scores.BLEU_ORDERS
    assert (sacrebleu.CHRF().char_order, sacrebleu.CHRF().beta) == (
        corpus_scores.CHRF_ORDERS,
        corpus_scores.CHRF_BETA,
    )
