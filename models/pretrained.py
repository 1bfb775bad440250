"""Start a model from what was learned before: word vectors, or the weights of another model.

Done on what all architectures share, by names and shapes, so none is treated differently. V source
vocabulary, E dimensions of the vectors, D width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.base import Seq2Seq
from models.errors import BadInput

_INPUTS = ("source_embedding.", "target_embedding.")


@torch.no_grad()
def start_from_vectors(model: Seq2Seq, vectors_VE: Tensor) -> None:
    """Put word vectors into the source embedding, in place; rows with NaN keep their random start.

    The vectors are centred (their common direction says nothing of a word: Mu and Viswanath 2018,
    "All-but-the-Top"), brought to the width (``fitted``) and scaled to a standard deviation of 1, that
    of the random start, so that whatever follows the embedding sees numbers of its usual size. Draws
    from torch's generator.

    Args:
        model: of any architecture.
        vectors_VE: (V, E) float32.

    Raises:
        BadInput: the source is no tokens, or another number of them; or no row is given.
    """
    embedding = model.source_embedding if model.problem.has_source else None
    if not isinstance(embedding, nn.Embedding) or len(embedding.weight) != len(vectors_VE):
        raise BadInput(
            f"word vectors for {len(vectors_VE)} tokens do not fit a source of "
            f"{model.problem.source_size} {model.problem.source_kind}."
        )
    known_V = ~vectors_VE.isnan().any(dim=1)
    if not bool(known_V.any()):
        raise BadInput("word vectors: no token of the source has one.")
    known_ND = fitted(vectors_VE[known_V], model.config.width)
    known_ND = known_ND / known_ND.std(correction=0).clamp_min(1e-12)
    embedding.weight[known_V] = known_ND.to(embedding.weight)


def fitted(vectors_NE: Tensor, width: int) -> Tensor:
    """Return centred vectors (N, D) whose distances are kept as far as D dimensions can.

    Principal components lose least where D < E. What is left is turned by a random orthogonal map,
    which loses nothing: the variance lies in all D coordinates alike, and where D > E none stays zero.
    """
    centred_NE = (vectors_NE - vectors_NE.mean(dim=0)).double()
    left_NK, values_K, _ = torch.linalg.svd(centred_NE, full_matrices=False)
    size = min(width, len(values_K))
    turn_KD = nn.init.orthogonal_(torch.empty(size, width)).double()
    return (left_NK[:, :size] * values_K[:size] @ turn_KD).float()


@torch.no_grad()
def start_from_weights(model: Seq2Seq, weights: Mapping[str, Tensor]) -> list[str]:
    """Copy every weight that the model has under the same name and in the same shape; return the names.

    A model whose readout differs takes the encoder and the embedding, and keeps its own head.

    Raises:
        BadInput: the embedding or the input map does not fit, so what follows it would mean nothing.
    """
    own = model.state_dict()
    fitting = [
        name for name, value in own.items() if name in weights and weights[name].shape == value.shape
    ]
    first = next(name for name in own if name.startswith(_INPUTS))
    if first not in fitting:
        shape = tuple(weights[first].shape) if first in weights else "none"
        raise BadInput(
            f"pretrained weights do not fit: {first} is {tuple(own[first].shape)} here, {shape} there; "
            "the vocabulary or the width differs."
        )
    for name in fitting:
        own[name].copy_(weights[name])
    return fitting
