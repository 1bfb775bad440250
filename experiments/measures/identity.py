"""Measure ``identity``: both sides of a mathematical statement about attention, in float64."""

from typing import Any

from pydantic import Field

from experiments.cell import Cell
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.attention_identities import IDENTITIES, Name
from experiments.measures.base import Context, Measure, Outcome
from models.registry import architecture, config_for


class Identity(Measure):
    """Both sides of a statement about attention, computed with our own modules in float64."""

    class Options(base.Options):
        """Which statement."""

        of: Name = Field(description="numbers, masking, heads, order, linearity")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return the largest difference, the size of what differs, and a control that must differ.

        ``numbers`` returns the probabilities themselves.
        """
        options = self.Options.model_validate(cell.options)
        kind = architecture(cell.architecture)
        config: Any = config_for(kind, cell.model)
        seed = scoped_seed(cell.seed, "identity") % 2**31
        return Outcome(metrics=IDENTITIES[options.of](config, seed))
