"""Conformance: what decoding asks of a state, that its rows can be selected.

B batch, N rows, T target positions, D width. In float64: what differs is a fault and not rounding.
"""

import torch
from torch import Tensor

from models.base import Memory, Seq2Seq
from models.conformance_cases import Case, as_exact, build, make_batch
from models.conformance_outputs import require_equal
from models.decoding_state import select_rows


@torch.no_grad()
def selects_rows(case: Case) -> None:
    """Hypotheses may branch, change places and leave while decoding: each keeps its own past."""
    model = build(case).eval()
    batch = as_exact(make_batch(case.problem, [6, 3, 5], [7, 7, 7]))
    sources = model.encode_source(batch.source, batch.source_mask)
    noise = torch.Generator().manual_seed(0)
    for shares in {False, case.cls.shares_source}:
        memory, state = sources, model.start(sources)
        source_N, past_NTD = torch.arange(3), torch.zeros(3, 0, case.config.width).double()
        # two steps with a row for each source; each branches in two; they change places, and the
        # second source leaves; one row goes on from each source
        for rows, kept in (
            (None, None),
            (None, None),
            ([0, 0, 1, 1, 2, 2], None),
            ([1, 0, 5, 5], [0, 2]),
            ([3, 2, 0, 1], [1, 0]),
            ([0, 3], None),
        ):
            if rows is not None:
                rows_N = torch.tensor(rows)
                kept_B = rows_N if not shares else None if kept is None else torch.tensor(kept)
                state = model.select(state, rows_N, kept_B)
                if kept_B is not None:
                    memory = select_rows(memory, kept_B)
                source_N, past_NTD = source_N[rows_N], past_NTD[rows_N]
            target_ND = torch.randn(len(source_N), 1, case.config.width, generator=noise).double()
            past_NTD = torch.cat([past_NTD, target_ND], dim=1)
            output_ND, state = model.step(past_NTD[:, -1], state, memory)
            require_equal(
                output_ND,
                _replayed(model, past_NTD, select_rows(sources, source_N)),
                f"position {past_NTD.shape[1] - 1} after rows of the state were selected, and the same "
                "hypotheses from their beginning",
            )


def _replayed(model: Seq2Seq, past_NTD: Tensor, memory: Memory) -> Tensor:
    state = model.start(memory)
    for target_ND in past_NTD.unbind(dim=1):
        output_ND, state = model.step(target_ND, state, memory)
    return output_ND
