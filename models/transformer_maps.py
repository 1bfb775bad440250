"""The attention maps of a Transformer, from explicit scores, in evaluation mode.

B batch, H heads, S source positions, T target positions.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.attention import masking
from models.base import evaluating
from models.batch import Batch

if TYPE_CHECKING:
    from models.transformer import Transformer


@torch.no_grad()
def self_maps(model: "Transformer", batch: Batch) -> dict[str, list[Tensor]]:
    """Return each layer's map of self-attention, (B, H, S, S) in ``encoder`` and (B, H, T, T) in
    ``decoder``, with the true target as the prefix; a half that the model lacks is left out.

    Rows and columns of padding are as the model has them: rows of padded queries mean nothing. The
    model's positions see their whole sequence (``Transformer`` itself: no windows).
    """
    found: dict[str, list[Tensor]] = {}
    with evaluating(model):
        if model.has_encoder:
            x_BSD = model.enter(model.source_embedding(batch.source), model.source_positions)
            visible = model.own_meeting(x_BSD, batch.source_mask, kernel="explicit")
            found["encoder"] = []
            layer: Any
            for layer in model.encoder:
                before_BSD = layer.attention_residual.before(x_BSD)
                found["encoder"].append(layer.attention.weights(before_BSD, visible))
                x_BSD = layer(x_BSD, visible)
        if model.has_decoder:
            found["decoder"] = []
            for layer, x_BTD, own, _ in _decoder_inputs(model, batch):
                before_BTD = layer.attention_residual.before(x_BTD)
                found["decoder"].append(layer.attention.weights(before_BTD, own))
    return found


@torch.no_grad()
def cross_maps(model: "Transformer", batch: Batch) -> list[Tensor]:
    """Return each decoder layer's map over the source, (B, H, T, S), with the true target as the
    prefix; nothing where the model has no source or no target.
    """
    if not (model.has_encoder and model.has_decoder):
        return []
    with evaluating(model):
        return [
            layer.source_weights(x_BTD, states_BSD, own, source)
            for layer, x_BTD, own, (states_BSD, source) in _decoder_inputs(model, batch)
        ]


def _decoder_inputs(model: "Transformer", batch: Batch) -> Any:
    """Yield each decoder layer with what it is given: its input and both maskings, all explicit."""
    memory = model.encode_source(batch.source, batch.source_mask)
    embedded_BTD = model.target_embedding(model.shift_right(batch.target))
    x_BTD = model.enter(embedded_BTD, model.target_positions)
    T, S = x_BTD.shape[1], memory.states.shape[1]
    own = model.own_meeting(x_BTD, causal=model.config.causal, kernel="explicit")
    source = masking("explicit", model.config.heads, T, S, x_BTD, memory.mask)
    source = source._replace(scale=None if model.config.scale else 1.0)
    for layer in model.decoder_layers():
        yield layer, x_BTD, own, (memory.states, source)
        x_BTD = layer(x_BTD, memory.states, own, source)
