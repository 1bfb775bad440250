"""Global attention of decoder states over encoder states (Luong et al. 2015; Bahdanau et al. 2015).

B batch, S source positions (keys), T target positions (queries), D width.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.attention import Kernel, choose_kernel
from models.cost import attention_core_flops, linear_flops, linear_parameters
from models.speed import AttentionKernel

Score = Literal["dot", "general", "additive"]


class GlobalAttention(nn.Module):
    """Attend over all encoder states, then merge: h̃ = tanh(W_c [c; h]) (Luong et al. 2015, eq. 5).

    ``score`` of a query h_t and an encoder state h̄_s (Luong et al. 2015, section 3.1), unscaled:

    - ``dot``: h_t · h̄_s
    - ``general``: h_t · W_a h̄_s
    - ``additive``: v_a · tanh(W_a h_t + U_a h̄_s) (Bahdanau et al. 2015, appendix A.1.2; there the query
      is the decoder's previous state). Its scores need T x S x D numbers.

    ``kernel``: ``explicit`` forms the T x S weights; ``fused`` is torch's kernel, whose memory does not
    grow with T x S; ``auto``: see models.attention. Additive scores are always explicit.
    """

    def __init__(self, width: int, score: Score = "general", kernel: AttentionKernel = "auto") -> None:
        super().__init__()
        self.score, self.kernel = score, kernel
        if score != "dot":
            self.query = nn.Linear(width, width, bias=False)
        if score == "additive":
            self.key = nn.Linear(width, width, bias=False)
            self.scorer = nn.Linear(width, 1, bias=False)
        self.merge = nn.Linear(2 * width, width, bias=False)
        for module in self.children():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def keys(self, memory_BSD: Tensor) -> Tensor:
        """Return what queries are compared with; the same for every query, so computed once."""
        return self.key(memory_BSD) if self.score == "additive" else memory_BSD

    def forward(
        self,
        h_BTD: Tensor,
        memory_BSD: Tensor,
        keys_BSD: Tensor,
        mask_BS: Tensor | None,
        *,
        causal: bool = False,
    ) -> Tensor:
        """Return the attentional vectors h̃ (B, T, D), all queries at once.

        Args:
            h_BTD: queries (B, T, D).
            memory_BSD: encoder states (B, S, D).
            keys_BSD: ``keys(memory_BSD)``.
            mask_BS: (B, S) bool, True where real; None: every position is real.
            causal: query t sees the states 0 to t, of which there are T; without ``mask_BS``.
        """
        if self.chosen_kernel(h_BTD, keys_BSD) == "explicit":
            weights_BTS = self.attention_weights(h_BTD, keys_BSD, mask_BS, causal=causal)
            context_BTD = weights_BTS @ memory_BSD
        else:
            query_BTD = h_BTD if self.score == "dot" else self.query(h_BTD)
            context_BTD = functional.scaled_dot_product_attention(
                query_BTD[:, None],
                keys_BSD[:, None],
                memory_BSD[:, None],
                attn_mask=None if mask_BS is None else mask_BS[:, None, None],
                is_causal=causal,
                scale=1.0,
            )[:, 0]
        return torch.tanh(self.merge(torch.cat([context_BTD, h_BTD], dim=-1)))

    def attention_weights(
        self, h_BTD: Tensor, keys_BSD: Tensor, mask_BS: Tensor | None, *, causal: bool = False
    ) -> Tensor:
        """Return the weights (B, T, S) of each query; each row sums to 1, padding has weight 0."""
        if self.score == "additive":
            pairs_BTSD = torch.tanh(self.query(h_BTD)[:, :, None] + keys_BSD[:, None])
            score_BTS = self.scorer(pairs_BTSD)[..., 0]
        else:
            query_BTD = h_BTD if self.score == "dot" else self.query(h_BTD)
            score_BTS = query_BTD @ keys_BSD.transpose(1, 2)
        if mask_BS is not None:
            score_BTS = score_BTS.masked_fill(~mask_BS[:, None], -torch.inf)
        if causal:
            later_TS = torch.ones_like(score_BTS[0], dtype=torch.bool).triu_(1)
            score_BTS = score_BTS.masked_fill(later_TS, -torch.inf)
        return score_BTS.softmax(dim=-1)

    def chosen_kernel(self, h_BTD: Tensor, keys_BSD: Tensor) -> Kernel:
        """Return the kernel that these tensors run through."""
        if self.score == "additive":
            return "explicit"
        return choose_kernel(self.kernel, h_BTD.shape[1], keys_BSD.shape[1], h_BTD.device)


def global_attention_parameters(score: Score, width: int) -> int:
    """Parameters of ``GlobalAttention``."""
    square = linear_parameters(width, width, bias=False)
    scoring = {"dot": 0, "general": square, "additive": 2 * square + width}[score]
    return scoring + linear_parameters(2 * width, width, bias=False)


def global_attention_flops(score: Score, width: int, queries: int, keys: int) -> int:
    """FLOPs of ``GlobalAttention``: O(n² d + n d²) for n queries over n keys, whatever the score."""
    flops = attention_core_flops(width, queries, keys) + linear_flops(2 * width, width, queries)
    if score != "dot":
        flops += linear_flops(width, width, queries)
    if score == "additive":
        flops += linear_flops(width, width, keys)
    return flops
