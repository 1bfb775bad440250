"""Sentences computed from records: how well each system translates, and at what cost."""

from analysis.answers import NOTHING
from analysis.claims.translation_floor import flagged
from analysis.claims.translation_length import ATTENTION, WITHOUT, bucketed
from analysis.corpus_scores import BLEU
from analysis.significance import compare, score_interval, score_of
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.translation import BEAM, GREEDY, System, stacked
from analysis.view import View
from analysis.wording import fixed, interval, listed, percent, plural, scaled, seconds


def translated(view: View) -> str:
    """Return the score of each system, best first, on the text that most was measured on."""
    settings = _settings(view)
    return _scores(view, settings[0]) if settings else NOTHING


def translation_remarks(view: View) -> list[str]:
    """Return what is sure, what it cost, what length and beam search do, and who is at the floor."""
    remarks = [_scores(view, setting) for setting in _settings(view)[1:5]]
    for setting in _settings(view)[:1]:
        systems = view.translations.of(setting)
        remarks += [
            _sure(view, systems) if _real(systems) else "",
            _cost(view, setting, systems),
            _length(view, setting),
            _beam(view, systems),
        ]
    remarks.append(_floor(view))
    return [text for text in remarks if text]


def _settings(view: View) -> list[str]:
    """Return the settings with results, real text first, then those with most of them."""

    def rank(setting: str) -> tuple[bool, int]:
        systems = view.translations.of(setting)
        return _real(systems), sum(len(system.keys) for system in systems)

    finished = [s for s in view.translations.settings if view.translations.of(s)]
    return sorted(finished, key=rank, reverse=True)


def _scores(view: View, setting: str) -> str:
    systems = view.translations.of(setting)
    label = view.translations.settings[setting]
    real = _real(systems)
    ranked = sorted(systems, key=lambda system: _value(system, real), reverse=True)
    seeds = min(len(system.keys) for system in ranked)
    sentences = 0
    words = []
    for system in ranked:
        (runs,) = view.translations.together([system])
        shown = fixed(_value(system, real), 1) if real else percent(_value(system, real))
        if runs and real:
            statistics = stacked(runs, BLEU)
            sentences = statistics.shape[1]
            over = score_interval(statistics, BLEU)
            around = interval(over.low, over.high, 1) if over else ""
            shown = f"{fixed(score_of(statistics, BLEU), 1)} {around}"
        words.append(f"{system.label} {shown.strip()}")
    if not real:
        return f"On {label}, the share translated exactly is {listed(words)} ({plural(seeds, 'seed')})."
    covers = f"; in brackets 95 % over {sentences:,} test sentences" if sentences else ""
    each = plural(seeds, "seed") + (" each" if len(ranked) > 1 else "")
    return f"On {label}, test BLEU is {listed(words)} ({each}{covers})."


def _real(systems: list[System]) -> bool:
    """Whether the text is a corpus, and not generated."""
    return any(data.get("corpus") for system in systems for data in system.runs.data)


def _value(system: System, real: bool) -> float:
    value = system.mean("bleu" if real else "exact_match")
    return float("-inf") if value is None else value


def _sure(view: View, systems: list[System]) -> str:
    ranked = sorted(systems, key=lambda system: _value(system, True), reverse=True)[:2]
    if len(ranked) < 2:
        return ""
    one, other = view.translations.together(ranked)
    if not one:
        return ""
    test = compare(stacked(one, BLEU), stacked(other, BLEU), BLEU)
    text = (
        f"Between the two best, {ranked[0].label} and {ranked[1].label}, the difference is "
        f"{fixed(test.difference, 1, signed=True)} BLEU (over sentences: {_p(test.p_randomisation)} by "
        f"paired randomisation, {_p(test.p_bootstrap)} by paired bootstrap)"
    )
    seeds = len(one)
    if seeds < MIN_PAIRED_SEEDS:
        return (
            f"{text}. That is about these trained models: {plural(seeds, 'seed')}, where a verdict "
            f"needs {MIN_PAIRED_SEEDS}."
        )
    return f"{text}, with {plural(seeds, 'seed')}."


def _cost(view: View, setting: str, systems: list[System]) -> str:
    words = []
    for system in systems:
        flops, time = system.mean("training_flops"), system.mean("seconds")
        if flops is not None and time is not None:
            words.append(f"{system.label} {scaled(flops, 'FLOP')} in {seconds(time)}")
    label = view.translations.settings[setting]
    return f"Training on {label} cost: {'; '.join(words)}." if words else ""


def _length(view: View, setting: str) -> str:
    pair = [view.translations.system(setting, name) for name in (ATTENTION, WITHOUT)]
    systems = [system for system in pair if system is not None]
    if len(systems) < 2:
        return ""
    one, other = view.translations.together(systems, sets=None)
    if not one:
        return ""
    groups = bucketed(one[0].words)
    if len(groups.rows) < 2:
        return ""
    a, b = stacked(one, BLEU), stacked(other, BLEU)
    ends = [(groups.labels[place], groups.rows[place]) for place in (0, -1)]
    parts = [
        f"{fixed(score_of(a[:, rows], BLEU) - score_of(b[:, rows], BLEU), 1, signed=True)} BLEU at "
        f"{label} source words ({plural(len(rows), 'sentence')})"
        for label, rows in ends
    ]
    return f"What attention adds to the LSTM: {' and '.join(parts)}."


def _beam(view: View, systems: list[System]) -> str:
    words = []
    for system in systems:
        beam, greedy = view.translations.together([system, system], [BEAM, GREEDY])
        if beam:
            gain = score_of(stacked(beam, BLEU), BLEU) - score_of(stacked(greedy, BLEU), BLEU)
            words.append(f"{system.label} {fixed(gain, 1, signed=True)}")
    return (
        f"Beam search instead of greedy decoding changes BLEU by: {', '.join(words)}." if words else ""
    )


def _floor(view: View) -> str:
    names = [
        f"{system.label} on {view.translations.settings[system.setting]}"
        for system in view.translations.systems
        if flagged(system)
    ]
    if not names:
        return ""
    return f"Not above a Markov model that never sees the source: {listed(names)}."


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {fixed(value, 3)}"
