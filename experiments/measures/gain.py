"""Measure ``gain``: how fast the gradient fades or explodes through time, against recurrent gain.

J(k) = E ‖∂(u·h_T) / ∂e_{T-k}‖ at initialisation, with h_T the encoder's last state, u a random
direction and e the source embedding (Pascanu, Mikolov and Bengio 2013, section 2). In float64, since
J(k) leaves the range of float32.

B batch, S source positions, D width.
"""

from typing import Annotated

import torch
from pydantic import AfterValidator, Field

from experiments.cell import Cell
from experiments.data import fixed_batch
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.gradient import profile, state_gradient
from experiments.tasks.base import distinct
from models.problem import Problem
from models.registry import architecture, config_for

READ = Problem(source_size=32, target_size=8, readout="last")


class Gain(Measure):
    """Norm of the gradient k positions back at initialisation, over gains of the recurrent weights."""

    class Options(base.Options):
        """Over which gains, and on what."""

        gains: Annotated[
            tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=2), AfterValidator(distinct)
        ] = Field((0.5, 1.0, 2.0, 4.0), description="factors on the initial recurrent weights")
        n: int = Field(64, gt=3, description="source positions")
        examples: int = Field(32, gt=0)

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return for each gain a curve ``gain_2`` (say) of [k, J(k)]."""
        options = self.Options.model_validate(cell.options)
        kind = architecture(cell.architecture)
        batch = fixed_batch(READ, options.n, 0, options.examples, cell.seed)
        curves = {}
        for gain in options.gains:
            context.progress(f"gain {gain:g}")
            config = config_for(kind, {**cell.model, "recurrent_gain": gain})
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(scoped_seed(cell.seed, "initialisation"))
                model = kind(config, READ).double().eval()
            generator = torch.Generator().manual_seed(scoped_seed(cell.seed, "projection"))
            direction_D = torch.randn(config.width, generator=generator, dtype=torch.float64)
            norms_BS = state_gradient(model, batch, direction_D / direction_D.norm())
            curves[f"gain_{gain:g}"] = profile(norms_BS, batch)
        return Outcome(curves=curves)
