"""Recurrent encoder-decoder with global attention (Luong et al. 2015); the kind of cell is left open.

B batch, S source positions, T target positions, N positions, D width.

Without input feeding no decoder step depends on an attention result, so training runs one recurrence
over the whole target and then attends from all target positions at once.

Without a source there are no encoder states, so a language model attends over the decoder's own states
up to the present one, as the measured layer does (compare Daniluk et al. 2017, section 2.1, where the
present state is left out and the past is a window).
"""

from typing import Any, ClassVar, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from models.attention_global import (
    GlobalAttention,
    Score,
    global_attention_flops,
    global_attention_parameters,
)
from models.attentional_layer import attentional_layer
from models.base import Memory, evaluating
from models.batch import Batch
from models.cost import Cost, attention_core_flops
from models.dropout import Dropout
from models.layer import Layer
from models.problem import Problem
from models.recurrence import Recurrence
from models.recurrent import RecurrentConfig, RecurrentSeq2Seq, embedding_flops, head_flops
from models.recurrent_stack import stack_flops, stack_parameters
from models.search import Choice, Space
from models.speed import AttentionKernel

DecoderState = dict[str, Any]
"""``layers``: one recurrent state a layer; with input feeding ``feed``: the last h̃, (B, D); without a
source ``states`` and, of the additive score, ``keys``: the decoder's own so far, (B, t, D)."""


class AttentionalOptions(RecurrentConfig):
    """Options of attention that all attentional recurrent architectures share.

    Without attention there is an architecture of its own for every cell: rnn, lstm, gru.
    """

    score: Score = Field("general", description="how a query and an encoder state are compared")
    input_feeding: bool = Field(
        False, description="feed h̃ to the next decoder step: training must then loop over the target"
    )
    attention: AttentionKernel = Field("auto", description="explicit scores, or torch's fused kernel")

    @field_validator("score", mode="before")
    @classmethod
    def _attends(cls, score: Any) -> Any:
        if score == "none":
            raise ValueError(
                "score = 'none' is the architecture without attention: rnn, lstm or gru; here it is "
                "general, dot or additive"
            )
        return score

    @model_validator(mode="after")
    def _additive_is_explicit(self) -> Self:
        if self.score == "additive" and self.attention == "fused":
            raise ValueError(
                "attention = 'fused' needs score dot or general: additive has no such kernel"
            )
        return self


class AttentionalSeq2Seq(RecurrentSeq2Seq):
    """Base of the recurrent encoder-decoders with global attention over all encoder states."""

    Config = AttentionalOptions
    alone: ClassVar[type[RecurrentSeq2Seq]]
    """The architecture of the same cell without attention."""

    @classmethod
    def recurrence(cls, config: Any, inputs: int) -> Recurrence:
        """Return one layer of the cell."""
        return cls.alone.recurrence(config, inputs)

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for the cell, and how it attends."""
        score = Choice(
            ("general", "dot", "additive"), why="Luong et al. 2015, section 3.1; Bahdanau et al. 2015"
        )
        return {**cls.alone.own_search_space(), "model.score": score}

    def build(self, config: Any) -> None:
        """Create the encoder, the decoder and, unless each position answers, the attention."""
        width, self.input_feeding = config.width, config.input_feeding
        if self.has_encoder:
            self.encoder = self.encoder_stack(config)
        if self.has_decoder:
            self.decoder = self.stack(config, width * (1 + config.input_feeding))
        if self.problem.readout != "position":
            self.attention = GlobalAttention(width, config.score, config.attention)
            self.dropout = Dropout(config.dropout)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Run the encoder; ``final`` holds the last states, ``layers``, and additive ``keys``."""
        memory = super().encode(source_BSD, mask_BS)
        final: DecoderState = {"layers": memory.final}
        if self.problem.readout != "position" and self.attention.score == "additive":
            final["keys"] = self.attention.keys(memory.states)
        return memory._replace(final=final)

    def attend(self, h_BTD: Tensor, memory: Memory) -> Tensor:
        """Return the attentional vectors h̃ (B, T, D) of all queries."""
        keys_BSD = memory.final.get("keys", memory.states)
        return self.dropout(self.attention(h_BTD, memory.states, keys_BSD, memory.mask))

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Run the recurrence over the whole target, then attend from all positions at once.

        With input feeding (Luong et al. 2015, section 3.3) this is a loop over ``step``.
        """
        if not self.input_feeding:
            if not self.has_encoder:
                h_BTD, _ = self.decoder(target_BTD)
                keys_BTD = self.attention.keys(h_BTD)
                return self.dropout(self.attention(h_BTD, h_BTD, keys_BTD, None, causal=True))
            h_BTD, _ = self.decoder(target_BTD, memory.final["layers"])
            return self.attend(h_BTD, memory)
        state, outputs = self.start(memory), []
        for target_BD in target_BTD.unbind(dim=1):
            output_BD, state = self.step(target_BD, state, memory)
            outputs.append(output_BD)
        return torch.stack(outputs, dim=1)

    @torch.no_grad()
    def attention_maps(self, batch: Batch) -> dict[str, Tensor]:
        """Return the attention to the encoder's states, as ``cross``."""
        if not (self.has_encoder and self.has_decoder):
            return {}
        with evaluating(self):
            memory = self.encode_source(batch.source, batch.source_mask)
            target_BTD = self.target_embedding(self.shift_right(batch.target))
            if self.input_feeding:
                state, visited = self.start(memory), []
                for target_BD in target_BTD.unbind(dim=1):
                    fed_BD = torch.cat([target_BD, state["feed"]], dim=-1)
                    visited.append(self.decoder.step(fed_BD, state["layers"])[0])
                    _, state = self.step(target_BD, state, memory)
                h_BTD = torch.stack(visited, dim=1)
            else:
                h_BTD, _ = self.decoder(target_BTD, memory.final["layers"])
            keys_BSD = memory.final.get("keys", memory.states)
            return {"cross": self.attention.attention_weights(h_BTD, keys_BSD, memory.mask)}

    def start(self, memory: Memory) -> DecoderState:
        """Return the encoder's last states, or zeros; with input feeding, a zero h̃."""
        if self.has_encoder:
            state: DecoderState = {"layers": list(memory.final["layers"])}
        else:
            layers = self.decoder.start(memory.states.flatten(1))
            state = {"layers": layers, "states": memory.states}
            if self.attention.score == "additive":
                state["keys"] = memory.states
        if self.input_feeding:
            state["feed"] = memory.states.new_zeros(len(memory.states), self.config.width)
        return state

    def step(
        self, target_BD: Tensor, state: DecoderState, memory: Memory
    ) -> tuple[Tensor, DecoderState]:
        """Run the cell of each layer once, then attend from the new state."""
        if self.input_feeding:
            target_BD = torch.cat([target_BD, state["feed"]], dim=-1)
        h_BD, layers = self.decoder.step(target_BD, state["layers"])
        new: DecoderState = {"layers": layers}
        if self.has_encoder:
            h_BKD = h_BD.view(len(memory.states), -1, h_BD.shape[1])  # of K rows for each source
            output_BD = self.attend(h_BKD, memory).view_as(h_BD)
        else:
            h_B1D = h_BD[:, None]
            new["states"] = torch.cat([state["states"], h_B1D], dim=1)
            if "keys" in state:
                new["keys"] = torch.cat([state["keys"], self.attention.keys(h_B1D)], dim=1)
            keys_BTD = new.get("keys", new["states"])
            output_B1D = self.dropout(self.attention(h_B1D, new["states"], keys_BTD, None))
            output_BD = output_B1D[:, 0]
        if self.input_feeding:
            new["feed"] = output_BD
        return output_BD, new

    def summarise(self, memory: Memory) -> Tensor:
        """Return (B, D): the last valid state, as a query, attends over all encoder states."""
        return self.attend(super().summarise(memory)[:, None], memory)[:, 0]

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        """Return the parameters of what there is of encoder, decoder and attention."""
        width, count = config.width, 0
        if problem.has_source:
            count += cls.encoder_parameters(config)
        if problem.has_target:
            inputs = width * (1 + config.input_feeding)
            count += stack_parameters(inputs, width, config.layers, cls.gates)
        if problem.readout != "position":
            count += global_attention_parameters(config.score, width)
        return count

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory: attention adds no steps, but every answer sees every input directly."""
        width, layers, S, T = config.width, config.layers, source_length, target_length
        queries = {"decoder": T, "position": 0, "last": 1}[problem.readout]
        flops = cls.encoder_flops(config, S) if S else 0
        flops += stack_flops(width * (1 + config.input_feeding), width, layers, cls.gates, T)
        keys = S if problem.has_source else T
        if queries:
            flops += global_attention_flops(config.score, width, queries, keys)
        if config.input_feeding and not problem.has_source:  # step by step, no later state is compared
            later = T * (T - 1) // 2
            flops -= attention_core_flops(width, 1, later)
        flops += embedding_flops(problem, width, S) + head_flops(problem, width, S, T)
        # with input feeding a step waits for all layers and the attention of the step before
        steps = (
            S + T * (layers + 1) if config.input_feeding and T else S + T + layers - 1 + bool(queries)
        )
        kept = cls.state_tensors * layers * width
        if queries:  # the states attended to (and keys) and the fed vector
            kept += keys * width * (2 if config.score == "additive" else 1)
            kept += width if config.input_feeding and T else 0
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops,
            sequential_operations=steps,
            path_length=layers + 1 if queries else S + layers - 1,
            state_size=kept,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return the recurrence followed by attention over its own states, and the recurrence alone."""
        attentional = attentional_layer(cls.cell_name, cls.gates, cls.recurrence)
        return {"recurrent_attention": attentional, "recurrent": cls.recurrent_layer()}

    @classmethod
    def variants(cls) -> list[dict[str, object]]:
        """Return further options that the conformance suite covers."""
        return [
            {"score": "dot"},
            {"score": "additive"},
            {"bidirectional": True, "layers": 2},
            {"input_feeding": True},
            {"input_feeding": True, "score": "additive", "layers": 2},
            {"kernel": "loop"},
            {"attention": "explicit"},
            {"attention": "fused"},
        ]
