"""Vanilla RNN encoder-decoder: the simple recurrent network of Elman (1990), fixed context vector.

For shapes and the encoder-decoder around the cell see models.recurrent.
"""

from typing import ClassVar

from pydantic import Field

from models.recurrence import TanhRecurrence
from models.recurrence_simple import Activation, RecurrentInitialisation, simple_recurrence
from models.recurrent import RecurrentConfig, RecurrentSeq2Seq


class RNNConfig(RecurrentConfig):
    """Options of the vanilla RNN."""

    later_options: ClassVar[frozenset[str]] = frozenset(
        {"activation", "recurrent_initialisation", "recurrent_gain"}
    )

    activation: Activation = Field("tanh", description="of the hidden units")
    recurrent_initialisation: RecurrentInitialisation | None = Field(
        None,
        description="None: identity for relu (Le et al. 2015), orthogonal for the others",
    )
    recurrent_gain: float = Field(1.0, gt=0, description="factor on the initial recurrent weights")


class RNN(RecurrentSeq2Seq):
    """Vanilla tanh RNN; the decoder starts from the encoder's last state and sees nothing else."""

    Config = RNNConfig
    citation = (
        "Elman 1990, Finding structure in time; Sutskever et al. 2014, sequence to sequence; relu: "
        "Le et al. 2015, A simple way to initialize recurrent networks of rectified linear units"
    )
    cell_name = "vanilla RNN"
    gates = TanhRecurrence.gates
    state_tensors = TanhRecurrence.tensors

    @classmethod
    def recurrence(cls, config: RNNConfig, inputs: int) -> TanhRecurrence:
        """Return one simple recurrent layer."""
        default: RecurrentInitialisation = "identity" if config.activation == "relu" else "orthogonal"
        return simple_recurrence(
            inputs,
            config.width,
            config.kernel,
            config.activation,
            config.recurrent_initialisation or default,
            config.recurrent_gain,
        )

    @classmethod
    def variants(cls) -> list[dict[str, object]]:
        """Return further options that the conformance suite covers."""
        return [
            {"kernel": "loop"},
            {"layers": 3},
            {"bidirectional": True, "layers": 2},
            {"activation": "relu"},
            {"activation": "relu", "recurrent_initialisation": "orthogonal", "kernel": "loop"},
            {"activation": "sigmoid", "recurrent_gain": 2.0},
            {"activation": "sigmoid", "kernel": "loop"},
        ]
