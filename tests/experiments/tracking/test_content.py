"""What a record becomes in W&B."""

from experiments.tracking import content
from experiments.tracking.content import Series
from tests.experiments.tracking.records import cell, record


def named(of) -> dict[str, Series]:
    return {series.name: series for series in content.series(of)}


def test_every_curve_has_an_axis_of_its_own():
    found = named(record(cell()))
    assert found["curves/validation"].axis == "curves/validation_step"
    assert found["curves/validation/rate_0_001"].points[0] == (0, (0.1 + 0.2) / 7)
    assert found["curves/bleu_by_flops"].axis == "curves/bleu_by_flops_flops"
    robust = record(cell(measure="robustness"), curves={"cut": [[0.0, 1.0]]})
    assert named(robust)["curves/cut"].axis == "curves/cut_share"


def test_slices_are_drawn_by_value_and_kept_as_counts():
    rows = [
        {"split": "test", "slice": "distance", "value": 4, "correct": 3, "count": 4},
        {"split": "test", "slice": "construction", "value": "simple", "correct": 1, "count": 4},
        {"split": "test/cut 5%", "slice": "all", "value": 0, "total": 1.5, "count": 3},
        {"split": "test", "slice": "distance", "value": 8, "correct": 0, "count": 0},
    ]
    found = named(record(cell(), slices=rows, curves={}))
    assert found["slices/test/distance"].points == [(4, 0.75)]  # nothing was counted at 8
    assert found["slices/test/cut_5_/all"].points == [(0, 0.5)]
    assert "slices/test/construction" not in found
    counts = content.summary(record(cell(), slices=rows))["slices"]
    assert counts["test"]["construction"] == {"simple": {"correct": 1, "count": 4}}
    assert counts["test"]["distance"]["8"] == {"correct": 0, "count": 0}


def test_a_cell_of_some_length_is_a_point_of_its_groups_line():
    timed = cell(measure="step_time", options={"n": 512})
    found = named(record(timed, metrics={"seconds": 0.25, "method": "x", "agrees": True}, rounds=[0.5]))
    assert found["by_length/step_time/seconds"] == Series(
        "by_length/step_time/seconds", "by_length/n", [(512, 0.25)]
    )
    assert "by_length/step_time/agrees" not in found
    assert found["rounds/seconds"].points == [(0.0, 0.5)]
    out = record(timed, status="out_of_memory", metrics={"seconds": 0.25}, curves={}, slices=[])
    assert named(out) == {}


def test_names_are_what_charts_can_query():
    assert content.curve_name("validation_bleu@3e-05") == "curves/validation_bleu/rate_3e-05"
    assert content.safe("table/C++ loop/time_n") == "table/C_loop/time_n"


def test_the_configuration_is_the_whole_cell():
    of = cell(3)
    found = content.config(of, plan="long_range")
    assert found["key"] == of.key
    assert found["plan"] == "long_range"
    assert {**found} == {**of.model_dump(mode="json"), "key": of.key, "plan": "long_range"}
