"""What every architecture is: a Lightning module with `encode`, `decode` and `step`.

B batch, S source positions, T target positions, D width, V target vocabulary, F source features.

Embeddings, readouts, loss, optimiser and schedule live here and are not overridden: fairness by
construction. An architecture maps embedded sequences to states; it never sees tokens.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.batch import Batch
from models.config import ModelConfig
from models.cost import Cost
from models.cross_entropy import consuming_cross_entropy
from models.decoding_state import select_rows
from models.errors import BadInput
from models.layer import Layer
from models.problem import BOS, PAD, Problem
from models.projection import Projection
from models.recipe import Recipe
from models.scoring import score_logits
from models.search import Space, check_space, common_space


class Memory(NamedTuple):
    """What the encoder hands to the decoder and to the readouts."""

    states: Tensor  # (B, S, D)
    mask: Tensor | None  # (B, S) bool or None
    final: Any = None  # the architecture's own, batch first: for example the last state of each layer


@contextmanager
def evaluating(model: "Seq2Seq") -> Iterator[None]:
    """Put the model in evaluation mode, and give it back in the mode that it was in."""
    was_training = model.training
    if was_training:
        model.eval()
    try:
        yield
    finally:
        if was_training:
            model.train()


class Seq2Seq(pl.LightningModule):
    """Base of every architecture.

    An architecture sets ``Config`` and ``version``, builds its modules in ``build``, and implements
    ``encode``, ``decode``, ``start``, ``step``, ``core_parameters``, ``cost`` and ``layers``. With
    ``problem.readout`` other than ``decoder`` only the encoder half is built and used. With
    ``problem.source_kind`` ``none`` (a language model) only the decoder half is: ``encode`` is not
    called, and the memory has no positions and no ``final``.
    """

    Config: ClassVar[type[ModelConfig]] = ModelConfig
    version: ClassVar[int] = 1  # raise it when results may change: old records are then not reused
    citation: ClassVar[str] = ""
    decoder_only: ClassVar[bool] = False
    """Whether the decoder half works alone, without a source."""
    shares_source: ClassVar[bool] = False
    """Whether ``step`` takes K rows in a row for each row of the memory: beams of one source."""

    def __init__(self, config: ModelConfig, problem: Problem, recipe: Recipe | None = None) -> None:
        super().__init__()
        self.accept(problem)
        self.config, self.problem = config, problem
        self.recipe = recipe or Recipe()
        self.learning_rate = self.recipe.learning_rates[0]
        self.share_spent: Callable[[], float] | None = None
        width = config.width
        self.has_encoder, self.has_decoder = problem.has_source, problem.has_target
        if problem.source_kind == "tokens":
            self.source_embedding: nn.Module = nn.Embedding(problem.source_size, width, padding_idx=PAD)
        elif problem.source_kind == "floats":
            self.source_embedding = nn.Linear(problem.source_size, width)
        if self.has_decoder:
            self.target_embedding = nn.Embedding(problem.target_size, width, padding_idx=PAD)
        self.head = Projection(width, problem.target_size)
        self.build(config)
        self._tie(config)

    # What an architecture implements -------------------------------------------------------------

    @abstractmethod
    def build(self, config: Any) -> None:
        """Create the encoder if ``self.has_encoder``, and the decoder if ``self.has_decoder``."""

    @abstractmethod
    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Encode embedded source positions."""

    @abstractmethod
    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Teacher-forced: embedded, right-shifted targets to output states (B, T, D), all at once."""

    @abstractmethod
    def start(self, memory: Memory) -> Any:
        """Return the state before the first ``step``: tensors with the batch first, in tuples,
        lists or dictionaries."""

    @abstractmethod
    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        """Decode one position from the cached state; equals ``decode`` at that position.

        Rows of the state, and of the memory, may have been selected since (models.decoding_state).
        """

    def select(self, state: Any, rows_N: Tensor, sources_B: Tensor | None) -> Any:
        """Return the state whose row i is row ``rows_N[i]``: hypotheses continue, branch or end.

        Override it where part of a state need not be copied.

        Args:
            state: of this architecture.
            rows_N: (N,) int64; the rows of one source stay adjacent.
            sources_B: int64, the rows of the memory that are kept; None: it stays as it is. Unless
                ``shares_source``, these are ``rows_N``.
        """
        return select_rows(state, rows_N)

    def attention_maps(self, batch: Batch) -> dict[str, Tensor]:
        """Return weights over the source (B, T, S) by name, with the true target as the prefix.

        Computed in evaluation mode from explicit scores. Empty if nothing attends to the source.
        """
        return {}

    def summarise(self, memory: Memory) -> Tensor:
        """Return (B, D), the state that answers for the whole sequence: that of its last position."""
        if memory.mask is None:
            return memory.states[:, -1]
        last_B = memory.mask.sum(dim=1) - 1
        return memory.states[torch.arange(len(last_B), device=last_B.device), last_B]

    @classmethod
    @abstractmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        """Return the parameter count without token embeddings (or input map) and output projection."""

    @classmethod
    @abstractmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example of these lengths (0: there is no such half)."""

    @classmethod
    @abstractmethod
    def layers(cls) -> dict[str, Layer]:
        """Return this architecture's measurable layers by part name; the first is its Table 1 row."""

    @classmethod
    def receptive_field(cls, config: Any) -> int | None:
        """Return how many source positions the encoder's state at the last one depends on.

        None: all, whatever their number.
        """
        return None

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for this architecture beside what is tuned for all (models.search)."""
        return {}

    # What all share ------------------------------------------------------------------------------

    @classmethod
    def search_space(cls, steps: int = 1000) -> Space:
        """Return everything that is tuned, by dotted name, where training takes at most ``steps``.

        Raises:
            BadInput: the architecture's own part names something that is no option.
        """
        space = common_space(steps) | cls.own_search_space()
        check_space(space, {"model": cls.Config.model_fields, "recipe": Recipe.model_fields})
        return space

    @classmethod
    def accept(cls, problem: Problem) -> None:
        """Refuse a problem that this architecture cannot be built for.

        Raises:
            BadInput: there is no source, and the decoder does not work without.
        """
        if not (problem.has_source or cls.decoder_only):
            raise BadInput(
                f"{cls.__name__} cannot be a language model: its decoder needs a source. Choose an "
                "architecture that is `decoder_only`, such as lstm or transformer."
            )

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the running hook here some 45 times a step; nn.Module's look-up for parameters
        # and submodules makes that 0.1 ms of the framework's 0.6
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _tie(self, config: ModelConfig) -> None:
        if config.tie_embeddings == "none":
            return
        if not self.has_decoder:
            raise BadInput(
                f"tie_embeddings = '{config.tie_embeddings}' needs a decoder; this problem has none."
            )
        if config.tie_embeddings == "all":
            if self.problem.source_kind != "tokens" or (
                self.problem.source_size != self.problem.target_size
            ):
                raise BadInput("tie_embeddings = 'all' needs one joint vocabulary; 'target' does not.")
            self.source_embedding.weight = self.target_embedding.weight
        self.head.tie(self.target_embedding)

    def counted_core_parameters(self) -> int:
        """Count the trainable parameters outside embeddings and output projection."""
        outside = ("source_embedding.", "target_embedding.", "head.")
        return sum(p.numel() for name, p in self.named_parameters() if not name.startswith(outside))

    def encode_source(self, source: Tensor, mask_BS: Tensor | None) -> Memory:
        """Embed and encode source tokens (B, S) or features (B, S, F); without a source, (B, 0)."""
        if not self.has_encoder:
            width = self.config.width
            return Memory(self.target_embedding.weight.new_zeros(len(source), 0, width), None)
        return self.encode(self.source_embedding(source), mask_BS)

    def shift_right(self, target_BT: Tensor) -> Tensor:
        """Return the decoder's input: begin-of-sequence, then every target token but the last."""
        begin_B1 = target_BT.new_full((len(target_BT), 1), BOS)
        return torch.cat([begin_B1, target_BT[:, :-1]], dim=1)

    def forward(self, batch: Batch) -> Tensor:
        """Return logits: (B, T, V) for ``decoder``, (B, S, V) for ``position``, (B, V) for ``last``."""
        return self.logits(self.encode_source(batch.source, batch.source_mask), batch.target)

    def logits(self, memory: Memory, target: Tensor) -> Tensor:
        """Read the answer from an encoded source; ``target`` is used by the decoder alone."""
        return self.head(self.states(memory, target))

    def states(self, memory: Memory, target: Tensor) -> Tensor:
        """Return what the readout projects: (B, T, D), (B, S, D) or (B, D)."""
        if self.problem.readout == "decoder":
            return self.decode(self.target_embedding(self.shift_right(target)), memory)
        return memory.states if self.problem.readout == "position" else self.summarise(memory)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss over the counted positions (label smoothing: Szegedy et al. 2016, 7)."""
        if self.problem.objective == "mean_squared_error":
            error = (logits.squeeze(-1) - batch.target) ** 2
            if batch.target_mask is None:
                return error.mean()
            return (error * batch.target_mask).sum() / batch.target_mask.sum()
        target = batch.target
        if batch.target_mask is not None:
            target = target.masked_fill(~batch.target_mask, -100)
        smoothing = self.recipe.label_smoothing if self.training else 0.0
        return functional.cross_entropy(
            logits.flatten(0, -2).float(),
            target.flatten(),
            ignore_index=-100,
            label_smoothing=smoothing,
        )

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Lightning hook: loss of one batch; on a CPU only real positions are projected."""
        if self.problem.objective != "cross_entropy" or batch.source.device.type != "cpu":
            return self.loss(self(batch), batch)
        states = self.states(self.encode_source(batch.source, batch.source_mask), batch.target)
        states_ND, target_N = states.flatten(0, -2), batch.target.flatten()
        if batch.target_mask is not None:
            counted_N = batch.target_mask.flatten().nonzero()[:, 0]
            states_ND, target_N = states_ND[counted_N], target_N[counted_N]
        return consuming_cross_entropy(self.head(states_ND), target_N, self.recipe.label_smoothing)

    def validation_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """Lightning hook: teacher-forced sums of one batch, for whoever selects."""
        logits = self(batch)
        total_B, count_B = score_logits(logits, batch, self.problem)
        return {"total": total_B.sum(), "count": count_B.sum(), "loss": self.loss(logits, batch)}

    def configure_optimizers(self) -> Any:
        """Lightning hook: AdamW with the recipe's schedule, stepped every optimiser step."""
        optimizer = torch.optim.AdamW(
            self.parameters(),
            lr=self.learning_rate,
            betas=(0.9, self.recipe.adam_beta2),
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.learning_rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Lightning hook: clip the global norm; Lightning's own refuses fused optimisers in bfloat16.

        (They could unscale gradients themselves; in bfloat16 nothing is scaled.)
        """
        if gradient_clip_val:
            nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)

    def learning_rate_factor(self, step: int) -> float:
        """Return the factor on the learning rate at a step (0-based): warm-up, then the schedule."""
        recipe = self.recipe
        warm = max(1, recipe.warmup_steps)
        if step < recipe.warmup_steps:
            return (step + 1) / warm
        if recipe.schedule == "inverse_sqrt":
            return math.sqrt(warm / (step + 1))
        if recipe.schedule == "constant":
            return 1.0
        left = 1 - min(1.0, self.progress(step))
        return left if recipe.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))

    def progress(self, step: int) -> float:
        """Return the share of the budget after warm-up that is spent, from 0 to 1.

        Of a budget in seconds, ``share_spent`` knows it: whoever trains sets it.
        """
        if self.share_spent is not None:
            return self.share_spent()
        warm = self.recipe.warmup_steps
        return (step - warm) / max(1, self.recipe.steps - warm)
