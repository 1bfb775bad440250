"""Options of the recurrent architectures with a gate that keeps the state: LSTM and GRU."""

from pydantic import Field

from models.recurrence import ForgetBias
from models.recurrent import RecurrentConfig
from models.search import Choice, Space


class GatedConfig(RecurrentConfig):
    """Options of the gate that keeps the state: the LSTM's forget gate, the GRU's update gate."""

    forget_bias: ForgetBias = Field(
        "one", description="initial bias of the forget gate; chrono: see chrono_max"
    )
    chrono_max: int = Field(
        128, gt=2, description="longest dependency, in steps, that the chrono initialisation expects"
    )


def gated_search_space() -> Space:
    """Return what is tuned for a gated recurrence: how long its state lasts at first."""
    why = "Gers et al. 2000; Jozefowicz et al. 2015; chrono: Tallec and Ollivier 2018"
    return {"model.forget_bias": Choice(("zero", "one", "chrono"), why=why)}
