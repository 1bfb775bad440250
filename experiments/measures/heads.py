"""Measure ``heads``: do the heads of a trained Transformer attend to different things?

B examples, T queries, S keys, H heads, R reach.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import Subject
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.train import prepare, trained_model
from models.attention import SelfAttention
from models.base import Seq2Seq
from models.batch import Batch
from models.errors import BadInput
from models.transformer import Transformer
from models.transformer_maps import cross_maps, self_maps


class Heads(Measure):
    """How far apart the maps of a layer's heads are, how sharp, and which offsets they attend to.

    The distance of two heads at a query is the Jensen-Shannon divergence of their weights over the
    keys, in bits: 0 where they are equal, 1 where no key has weight in both (Clark et al. 2019, "What
    Does BERT Look at?", section 6). It is averaged over the pairs of a layer's heads, over queries and
    over examples, each query with the same weight; one head has none. The first query of a causal map
    sees a single key, so that all heads agree there. An offset is the key's place minus the query's:
    -1 is the previous token (ibid., section 3.1); of attention to the source it joins unlike places.
    """

    needs_task = True
    trains = True

    class Options(base.Options):
        """Which examples are read, how far offsets go, and which training cell it follows."""

        split: Literal["validation", "test"] = "test"
        reach: int = Field(8, gt=0, description="R: offsets beyond it count as it")
        trained: str = Field(description="key of the training cell whose weights are used")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return ``distance`` (bits), ``entropy`` (nats) and the offsets of each head.

        Metrics are means over all layers, and over those of each module (``distance_encoder`` ...), of
        the trained model; with ``_init`` of the same model at initialisation. Distances are None where
        there is one head. Curves: ``distance_encoder``, ``entropy_decoder_init`` ... as ``[[layer,
        value], ...]``, layers from 1, and of the trained model ``offsets_cross_1_2`` (module, layer,
        head) as ``[[offset, share of the weight], ...]`` from -R to R.

        Raises:
            BadInput: the architecture is no Transformer whose positions see the whole sequence.
        """
        options = self.Options.model_validate(cell.options)
        subject = prepare(cell)
        models = {
            "_init": subject.build(cell.seed).to(cell.device).eval(),
            "": trained_model(subject, cell, options.trained, context),
        }
        metrics: dict[str, float | int | None] = {}
        curves = {}
        for moment, model in models.items():
            found = summarised(accepted(model, cell.architecture), subject, options)
            metrics["examples"] = found.examples
            for quantity in ("distance", "entropy"):
                means = []
                for module, layers in found.modules.items():
                    values = [getattr(layer, quantity)() for layer in layers]
                    means += values
                    metrics[f"{quantity}_{module}{moment}"] = _mean(values)
                    curves[f"{quantity}_{module}{moment}"] = [
                        [place, value] for place, value in enumerate(values, 1) if value is not None
                    ]
                metrics[f"{quantity}{moment}"] = _mean(means)
            if not moment:
                curves |= {
                    f"offsets_{module}_{place}_{head}": layer.offsets(head - 1)
                    for module, layers in found.modules.items()
                    for place, layer in enumerate(layers, 1)
                    for head in range(1, layer.heads + 1)
                }
        return Outcome(metrics=metrics, curves=curves)


def accepted(model: Seq2Seq, name: str) -> Transformer:
    """Return the model, if it has whole maps of self-attention.

    Raises:
        BadInput: it has not.
    """
    if not isinstance(model, Transformer) or model.kind is not SelfAttention:
        raise BadInput(
            f"architecture = '{name}': measure 'heads' reads a Transformer's maps over the whole "
            "sequence; choose 'transformer'."
        )
    return model


class LayerSums:
    """What is added up over the queries of one layer's maps."""

    def __init__(self, heads: int, reach: int) -> None:
        self.heads, self.reach, self.queries = heads, reach, 0
        self._divergence, self._entropy = 0.0, 0.0
        self._offsets_HO = torch.zeros(heads, 2 * reach + 1, dtype=torch.float64)

    def add(self, weights_BHTS: Tensor, real_BT: Tensor) -> None:
        """Add the maps of a batch, at the queries that are real (bool)."""
        weights_QHS = weights_BHTS.double().cpu().transpose(1, 2)[real_BT]  # Q: all real queries
        self.queries += len(weights_QHS)
        entropy_QH = entropy(weights_QHS)
        self._entropy += float(entropy_QH.mean(dim=1).sum())
        self._divergence += float(mean_divergence(weights_QHS, entropy_QH).sum())
        T, S = weights_BHTS.shape[2:]
        offset_TS = torch.arange(S) - torch.arange(T)[:, None]
        place_TS = offset_TS.clamp(-self.reach, self.reach) + self.reach
        place_QS = place_TS.expand(len(real_BT), T, S)[real_BT]
        by_head_HX = weights_QHS.transpose(0, 1).flatten(1)
        self._offsets_HO.index_add_(1, place_QS.flatten(), by_head_HX)

    def distance(self) -> float | None:
        """Return the mean Jensen-Shannon divergence of two heads in bits; None for one head."""
        return None if self.heads == 1 else self._divergence / self.queries

    def entropy(self) -> float:
        """Return the mean entropy of a head's weights in nats."""
        return self._entropy / self.queries

    def offsets(self, head: int) -> list[list[float]]:
        """Return ``[[offset, share], ...]`` of one head (from 0)."""
        shares = (self._offsets_HO[head] / self.queries).tolist()
        return [[place - self.reach, share] for place, share in enumerate(shares)]


class Summary:
    """The sums of every layer, by module: ``encoder``, ``decoder``, ``cross``."""

    def __init__(self) -> None:
        self.examples = 0
        self.modules: dict[str, list[LayerSums]] = {}


def entropy(weights_XS: Tensor) -> Tensor:
    """Return the entropies (X) of distributions (X, S), in nats; 0·log 0 is 0."""
    return torch.special.entr(weights_XS).sum(dim=-1)


def mean_divergence(weights_QHS: Tensor, entropy_QH: Tensor) -> Tensor:
    """Return the mean Jensen-Shannon divergence (Q) over the pairs of heads, in bits.

    JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2, with H the entropy (Lin 1991). One
    head: 0.
    """
    H = weights_QHS.shape[1]
    total_Q = torch.zeros(len(weights_QHS), dtype=weights_QHS.dtype)
    for one in range(H):
        for other in range(one + 1, H):
            both_Q = entropy((weights_QHS[:, one] + weights_QHS[:, other]) / 2)
            total_Q += both_Q - (entropy_QH[:, one] + entropy_QH[:, other]) / 2
    pairs = max(1, H * (H - 1) // 2)
    return total_Q.clamp_min(0) / (pairs * torch.log(torch.tensor(2.0, dtype=total_Q.dtype)))


def summarised(model: Transformer, subject: Subject, options: Heads.Options) -> Summary:
    """Add up the maps of a model over a split."""
    found = Summary()
    for batch in _batches(model, subject, options.split):
        found.examples += len(batch.source)
        maps = self_maps(model, batch)
        if crossed := cross_maps(model, batch):
            maps["cross"] = crossed
        for module, layers in maps.items():
            sums = found.modules.setdefault(
                module, [LayerSums(model.config.heads, options.reach) for _ in layers]
            )
            real_BT = _real(batch, module)
            for layer, weights_BHTS in zip(sums, layers, strict=True):
                layer.add(weights_BHTS, real_BT)
    return found


def _batches(
    model: Transformer, subject: Subject, split: Literal["validation", "test"]
) -> Iterator[Batch]:
    for examples in subject.task.evaluation(split, subject.recipe.batch_size):
        yield to_batch(examples).to(model.device)


def _real(batch: Batch, module: str) -> Tensor:
    """Return which queries are no padding, (B, T) bool on the CPU."""
    rows, mask = batch.target, batch.target_mask
    if module == "encoder":
        rows, mask = batch.source, batch.source_mask
    return torch.ones(rows.shape[:2], dtype=torch.bool) if mask is None else mask.cpu()


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
