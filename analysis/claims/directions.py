"""Claim L11: what a bidirectional encoder sees and a forward one misses."""

from collections.abc import Iterator
from dataclasses import replace

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.paired import Run, Setting
from analysis.claims.quality import TOO_SMALL, higher
from analysis.claims.translation import TOO_SMALL as TOO_SMALL_BLEU
from analysis.claims.translation import lead_first, mean, unconverged, unfinished
from analysis.load import Results
from analysis.reach import RECURRENT, TASK, Encoder, encoders
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import short_name
from analysis.translation import System, Translations

SAME_SIZE = 1.041
"""Parameters of the larger to those of the smaller: each is within 2 % of one budget."""

CLAIM = Claim(
    id="L11",
    statement="A bidirectional encoder sees the right context that a forward one misses.",
    topic="Long-range",
    kind="measured",
    how=f"Task {TASK}: accuracy with a bidirectional encoder minus that with a forward one, the mean "
    "over the offsets to the right, at equal parameters, paired by seed, for RNN, LSTM and GRU. "
    f"Supported when every interval lies above 0; refuted when one lies below {TOO_SMALL}. A "
    "bidirectional encoder that was still learning counts for support, as what it gains is a lower "
    "bound, and not for refutation; the forward one must have converged. Where "
    "translations with both encoders are in the store, the difference in test BLEU decides too "
    f"(refuted below {TOO_SMALL_BLEU}); without them it does not.",
    source="Schuster and Paliwal 1997; Bahdanau, Cho and Bengio 2015, section 3.2",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on L11."""
    known = {(one.architecture, bool(one.model.get("bidirectional"))): one for one in encoders(results)}
    parts = []
    for name in RECURRENT:
        both, forward = known.get((name, True)), known.get((name, False))
        claim = CLAIM.part(f".{name}", f"A bidirectional {short_name(name)} sees it.")
        if both is None or forward is None:
            parts.append(not_measured(claim, f"{short_name(name)} encoders in both kinds on {TASK}"))
        else:
            parts.append(_sees(claim, both, forward))
    translated = list(_translated(results))
    if not translated and all(part.seeds is None for part in parts):
        return not_measured(CLAIM, "encoders in one direction and in two")
    if not translated:
        claim = CLAIM.part(".translation", "In translation it gains BLEU.")
        absent = not_measured(claim, "translations with encoders in one direction and in two")
        translated.append(replace(absent, decides=False))
    return every(CLAIM, (*parts, *translated))


def _sees(claim: Claim, both: Encoder, forward: Encoder) -> Verdict:
    sizes = [run.parameters for one in (both, forward) for run in one.runs]
    one, other = _setting(both), _setting(forward)
    if sizes and max(sizes) > SAME_SIZE * min(sizes):
        other = replace(other, unfinished=(*other.unfinished, "encoders of equal parameters"))
    learning = sum(not run.converged for run in one.runs.values())
    least = {seed: replace(run, converged=True) for seed, run in one.runs.items()}
    found = higher(claim, replace(one, runs=least), other, f"On {TASK}", figure="accuracy_by_offset")
    if not learning:
        return found
    said = f" Still learning, so that its score is a lower bound: {learning} of {one.name}."
    found = replace(found, effect=found.effect + said)
    if found.verdict == "refuted":
        return replace(found, verdict="inconclusive", missing=f"{one.name} was still learning")
    return found


def _setting(encoder: Encoder) -> Setting:
    """Return its runs with the mean accuracy over the offsets to the right as their score."""
    runs = {}
    for run in encoder.runs:
        offsets = [offset for offset in run.accuracy if offset > 0]
        if offsets:
            runs[run.seed] = Run(run.key, run.seed, run.mean(offsets), run.converged)
    return Setting(f"a {encoder.words} {short_name(encoder.architecture)}", runs, encoder.unfinished)


def _translated(results: Results) -> Iterator[Verdict]:
    """Yield a part for each architecture that translates both ways; the leading setting decides."""
    translations = Translations(results)
    decided = False
    for setting, _ in lead_first(translations):
        systems = translations.of(setting, finished=False)
        found = []
        for name in dict.fromkeys(system.architecture for system in systems):
            mine = [system for system in systems if system.architecture == name]
            both, forward = (_widest(mine, bidirectional=kind) for kind in (True, False))
            if both is not None and forward is not None:
                found.append((both, forward))
        for both, forward in found:
            part = _gain(both, forward, translations.settings[setting], setting)
            yield replace(part, decides=not decided)
        decided = decided or bool(found)


def _widest(systems: list[System], *, bidirectional: bool) -> System | None:
    """Return the system of that kind with most finished seeds."""
    mine = [s for s in systems if _is_bidirectional(s) == bidirectional]
    return max(mine, key=lambda system: len(system.keys)) if mine else None


def _is_bidirectional(system: System) -> bool | None:
    model = dict(system.runs.model.iloc[0])
    return bool(model["bidirectional"]) if "bidirectional" in model else None


def _gain(both: System, forward: System, where: str, setting: str) -> Verdict:
    name = short_name(both.architecture)
    claim = CLAIM.part(
        f".translation.{both.architecture}.{setting[:6]}",
        f"On {where}, a bidirectional encoder gives the {name} a higher BLEU.",
    )
    scores = [
        {int(seed): float(bleu) for seed, bleu in zip(rows.seed, rows.bleu, strict=True)}
        for rows in (both.finished.dropna(subset=["bleu"]), forward.finished.dropna(subset=["bleu"]))
    ]
    shared = sorted(set(scores[0]) & set(scores[1]))
    gains = [scores[0][seed] - scores[1][seed] for seed in shared]
    blockers = unfinished([both, forward])
    sizes = [size for system in (both, forward) for size in system.finished.parameters.dropna()]
    if sizes and max(sizes) > SAME_SIZE * min(sizes):
        blockers.append("encoders of equal parameters")
    effect = f"On {where}, {name}: {mean(gains):+.2f} BLEU." if gains else ""
    kept = [system.finished[system.finished.seed.isin(shared)] for system in (both, forward)]
    return mean_beyond(
        claim,
        gains,
        bound=0.0,
        refuted_at=TOO_SMALL_BLEU,
        minimum=MIN_PAIRED_SEEDS,
        blockers=blockers,
        effect=(effect + unconverged([both, forward])).strip(),
        evidence=tuple(key for rows in kept for key in rows.key),
        figure="bleu_by_length",
    )
