"""Figures show the setting that the plan names first; claims see them all."""

from pathlib import Path

from analysis import report
from analysis.variants import first_settings
from analysis.view import View
from tests.analysis.synthetic import Synthetic

GOOD, BAD = {1: 1.0, 8: 0.9}, {1: 0.2, 8: 0.1}


def varied() -> Synthetic:
    made = Synthetic()
    for seed in range(2):
        made.recall("lstm", seed, GOOD, forget_bias="one")
        made.recall("lstm", seed, BAD, forget_bias="zero")
        made.recall("rnn", seed, BAD)
    for n in (8, 16, 32):
        made.size("flops", "mlp", "fully_connected", n, 64, 9 * n, model={"positions": n})
        made.size("flops", "conv", "convolution", n, 64, 3 * n, model={"kernel_size": 3})
        made.size("flops", "conv", "convolution", n, 64, 5 * n, model={"kernel_size": 5})
    return made


def test_the_first_setting_stays_and_sizes_are_no_settings() -> None:
    view = first_settings(View(varied().results()))
    frame = view.frame("train")
    assert set(frame[frame.architecture == "lstm"].test) == {0.95}
    assert len(frame) == 4
    counts = view.frame("flops")
    assert sorted(counts[counts.architecture == "conv"].forward) == [24, 48, 96]
    assert len(counts[counts.architecture == "mlp"]) == 3


def test_a_plan_without_variations_is_left_as_it_is() -> None:
    made = Synthetic()
    made.recall("lstm", 0, GOOD)
    made.recall("rnn", 0, BAD)
    view = View(made.results())
    assert first_settings(view) is view


def test_claims_of_the_report_still_see_the_variation(tmp_path: Path) -> None:
    made = varied()
    made.recall("transformer", 0, GOOD)
    store = made.write(tmp_path / "store")
    folder = tmp_path / "report"
    report.write(store, folder)
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "forget bias zero" in page
    assert "| train | 7 | 7 |" in page  # provenance counts them all
