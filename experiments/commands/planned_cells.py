"""What commands on stores share: the planned cells, and the user's keys among them. No torch."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from experiments.commands.report import planned_store
from experiments.store import Store
from experiments.sweep.planned import Planned
from models.errors import BadInput


def open_planned(folder: Path | None) -> tuple[Store, Planned]:
    """Return a store (default: the newest under runs/) and what was planned into it.

    Raises:
        BadInput: there is none, or a newer version wrote it.
    """
    store = Store(planned_store(folder))
    return store, Planned(store)


def check_keys(keys: Sequence[str], cells: Iterable[str], store: Store) -> None:
    """Refuse keys of cells that are not planned.

    Raises:
        BadInput: the first wrong one, and the nearest.
    """
    known = list(cells)
    for key in keys:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f" Did you mean '{close[0]}'?" if close else " `seqyard status --json` shows keys."
            raise BadInput(f"cell '{key}' is not planned in '{store.folder}'.{hint}")
