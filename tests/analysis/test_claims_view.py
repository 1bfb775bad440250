from analysis.claims.base import Claim, Verdict
from analysis.claims_view import claim_view
from analysis.statistics import Interval

CLAIM = Claim(
    id="L3",
    statement="LSTM gates relieve the problem",
    topic="Long-range",
    kind="measured",
    how="AUC(LSTM) − AUC(RNN), equal parameters",
    source="Hochreiter & Schmidhuber 1997",
)


def verdict(**fields):
    return Verdict(claim=CLAIM, **{"verdict": "inconclusive", "effect": "AUC is higher.", **fields})


def test_the_interval_says_what_it_covers_and_the_seeds_what_is_missing():
    view = claim_view(
        verdict(
            effect_value=0.31,
            interval=Interval(0.2, 0.42, 0.95, "seeds", 3),
            seeds=3,
            needed_seeds=10,
            missing="7 more seeds",
        )
    )
    assert view.effect == "So far: AUC is higher. (0.31, 95% interval [0.20, 0.42] over 3 seeds)"
    assert view.seeds == "3 of 10, 7 missing"
    facts = dict(view.facts)
    assert facts["What is missing"] == "7 more seeds"
    assert "p" not in facts


def test_parts_that_decide_nothing_say_so():
    view = claim_view(verdict(parts=(verdict(), verdict(decides=False))))
    assert [("shown beside" in part.statement) for part in view.details] == [False, True]


def test_a_figure_that_the_page_does_not_have_is_not_linked():
    view = claim_view(verdict(figure="memory", evidence=("b", "a", "b")))
    assert view.keys == ("a", "b")
    assert view.linked({}).figure == ""
    assert view.linked({"memory": "Memory"}).figure_title == "Memory"


def test_p_is_named_as_corrected_or_not():
    assert dict(claim_view(verdict(p_value=0.01)).facts)["p"] == "0.01, not corrected"
    corrected = dict(claim_view(verdict(p_value=0.01, adjusted_p=0.04)).facts)["p"]
    assert corrected == "0.04, after Holm’s correction within Long-range"
