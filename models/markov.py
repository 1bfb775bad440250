"""A first-order Markov model of the target: the floor below every architecture that reads the source.

B batch, S source positions, T target positions, D width, F inner width, V target vocabulary.

Shannon 1948, "A mathematical theory of communication", section 3: the next token's probabilities are a
table's row, chosen by the previous token. Architectures here see embeddings and return states, so the
row of token v is a function of its embedding, with the shared projection behind it: W·f(E[v]) + b. With
D >= V that is any table; below it is one of rank D, of whatever ``feedforward`` makes of the
embeddings. A cell that is given as many parameters as its rivals is thus still a table of V rows.

Where there is no target to continue, what is left without the source is the class prior (or the mean):
one learned vector for every position of every example.
"""

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from models.base import Memory, Seq2Seq
from models.config import ModelConfig
from models.cost import Cost
from models.dropout import Dropout
from models.layer import Layer
from models.problem import Problem
from models.recurrent import embedding_flops, head_flops
from models.transformer_blocks import FeedForward
from models.transformer_parts import feedforward_flops, feedforward_parameters


class MarkovConfig(ModelConfig):
    """Options of the first-order Markov model."""

    fine_dial: ClassVar[str | None] = "feedforward"

    feedforward: int | None = Field(
        None,
        ge=0,
        description="F: inner width of f; None: 4 x width; 0: f(x) = x",
    )

    @property
    def inner(self) -> int:
        """Return F."""
        return 4 * self.width if self.feedforward is None else self.feedforward

    def exemptions(self) -> dict[str, str]:
        """The source is never looked at: that is what makes it a floor."""
        why = "the target alone is modelled, whatever the source says"
        found = {"depends_on_source": why, "overfits@source": why}
        # else the source's embedding, which nothing reads, is the target's, too
        return found if self.tie_embeddings == "all" else {**found, "gradients@source": why}


class Row(nn.Module):
    """f(x) = x + W₂·relu(W₁·x + b₁) + b₂, or x alone: of each position by itself."""

    def __init__(self, config: MarkovConfig) -> None:
        super().__init__()
        self.feedforward = FeedForward(config.width, config.inner) if config.inner else None

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (..., D) to (..., D)."""
        return x_BND if self.feedforward is None else x_BND + self.feedforward(x_BND)

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply f to the previous iterate, or to the input at first."""
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND


class Markov(Seq2Seq):
    """The next token from the previous one alone: a table, the floor of every comparison."""

    Config = MarkovConfig
    config: MarkovConfig
    decoder_only = True
    shares_source = True
    citation = "Shannon 1948, A mathematical theory of communication"

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [{"feedforward": 0}, {"feedforward": 5}]

    @classmethod
    def receptive_field(cls, config: MarkovConfig) -> int:
        """Return 0: the source is not looked at."""
        return 0

    def build(self, config: MarkovConfig) -> None:
        """Create f and, where there is no target, the vector that stands for the prior."""
        self.row = Row(config)
        self.dropout = Dropout(config.dropout)
        if not self.has_decoder:
            self.prior_D = nn.Parameter(torch.randn(config.width))

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Return states that say nothing of the source: the prior, or zeros before a decoder."""
        if self.has_decoder:
            return Memory(torch.zeros_like(source_BSD), mask_BS)
        prior_B1D = self.prior_D + source_BSD.new_zeros(len(source_BSD), 1, self.config.width)
        prior_B1D = self.row(self.dropout(prior_B1D))
        return Memory(prior_B1D.expand(-1, source_BSD.shape[1], -1), mask_BS)

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Return the row of each previous token, (B, T, D)."""
        return self.row(self.dropout(target_BTD))

    def start(self, memory: Memory) -> tuple[()]:
        """Return nothing: nothing is kept."""
        return ()

    def step(self, target_BD: Tensor, state: tuple[()], memory: Memory) -> tuple[Tensor, tuple[()]]:
        """Return the row of the previous token."""
        return self.row(self.dropout(target_BD)), state

    @classmethod
    def core_parameters(cls, config: MarkovConfig, problem: Problem) -> int:
        """Return the parameters of f and of the prior."""
        prior = 0 if problem.has_target else config.width
        return feedforward_parameters(config.width, config.inner) + prior

    @classmethod
    def cost(
        cls, config: MarkovConfig, problem: Problem, source_length: int, target_length: int
    ) -> Cost:
        """Return the theory for one example; no path leads from the source to an answer."""
        D, S, T = config.width, source_length, target_length
        flops = feedforward_flops(D, config.inner, T if problem.has_target else 1)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops + embedding_flops(problem, D, S) + head_flops(problem, D, S, T),
            sequential_operations=1,
            path_length=0,
            state_size=0,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return f, which joins no two positions."""
        return {
            "row": Layer(
                description="each position by itself: 16·n·d² FLOPs with a feed-forward width of 4·d",
                build=Row,
                complexity="n·d²",
                sequential="1",
                path="never",
                flop_exponents=(1.0, 2.0),
                memory_exponent=1.0,
                parameters=lambda config: feedforward_parameters(config.width, config.inner),
                flops=lambda config, n: feedforward_flops(config.width, config.inner, n),
                sequential_operations=lambda n: 1,
                path_length=lambda k: None if k else 1,
            )
        }
