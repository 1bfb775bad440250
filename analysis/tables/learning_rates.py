"""Table ``learning_rates``: what each rate of a ladder reached, by normalisation and warm-up."""

import numpy as np
import pandas as pd

from analysis.claims.normalisation import TASK, ladder_configurations, words_of
from analysis.claims.rates import ladder
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, plural


def scores(view: View) -> Table | None:
    """Return one row a configuration and one column a learning rate; None where no ladder ended.

    The view is one of all planned settings: they are what is compared.
    """
    results = view.results
    configurations = ladder_configurations(results)
    found = [(one, ladder(results, one, "")) for one in configurations]
    found = [(one, mine) for one, mine in found if any(mine.scores.values())]
    if not found:
        return None
    rates = sorted({rate for _, mine in found for rate in mine.rates})
    rows, data = [], []
    for one, mine in found:
        norm = str(one.option("model", "norm", "pre"))
        steps = int(one.option("recipe", "warmup_steps", 0))
        layers = one.option("model", "layers")
        entries = [
            Entry(words_of(norm), f"{layers} layers, {plural(len(mine.scores), 'seed')}"),
            Entry(f"{steps} steps" if steps else "none"),
        ]
        for rate in rates:
            values = [score[rate] for score in mine.scores.values() if rate in score]
            lost = len(mine.scores) - len(values)
            if rate not in mine.rates:
                entries.append(Entry("–"))
            elif not values:
                entries.append(Entry("diverged", kind="bad"))
            else:
                entries.append(Entry(fixed(float(np.mean(values))), f"{lost} diverged" if lost else ""))
            data += [
                {
                    "norm": norm,
                    "warmup_steps": steps,
                    "layers": layers,
                    "learning_rate": rate,
                    "seed": seed,
                    "validation": score.get(rate),
                }
                for seed, score in mine.scores.items()
                if rate in mine.rates
            ]
        rows.append(tuple(entries))
    return Table(
        name="learning_rates",
        title="Validation score at each learning rate, by normalisation and warm-up",
        caption=f"Best validation accuracy of a Transformer on {TASK} within the budget, mean over "
        "seeds. A loss that is not finite ends a run: diverged.",
        groups=(("", 2), ("Peak learning rate", len(rates))),
        columns=(
            Column("Transformer"),
            Column("Warm-up", "num"),
            *(Column(f"{rate:g}", "num") for rate in rates),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(key for _, mine in found for key in mine.keys.values()),
    )
