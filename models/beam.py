"""Beam search over ``Seq2Seq.step`` alone, batched over sentences and their beams.

B sentences, K beams of each, N = B·K rows, V target vocabulary, M candidates of a sentence.
"""

from typing import Literal

import torch
from torch import Tensor

from models.base import Seq2Seq, evaluating
from models.candidates import best_candidates
from models.decoding import lengths_of, next_logits, require_generator
from models.decoding_state import select_rows
from models.errors import BadInput
from models.hypothesis import Hypothesis
from models.problem import BOS, EOS

Stop = Literal["exact", "first"]

LEAVE = 8
"""Sentences that are done leave the batch once they are one in so many: leaving costs a copy."""


def gnmt_length_penalty(length: int, alpha: float) -> float:
    """Return lp(Y) = ((5 + \\|Y\\|) / 6)^α, by which log-probabilities are divided.

    Wu et al. 2016, "Google's Neural Machine Translation System", equation 14. ``length`` counts EOS.
    """
    return ((5 + length) / 6) ** alpha


@torch.inference_mode()
def beam_search(
    model: Seq2Seq,
    source: Tensor,
    source_mask: Tensor | None,
    *,
    beam: int = 5,
    length_penalty: float = 1.0,
    max_length: int | Tensor,
    n_best: int = 1,
    stop: Stop = "exact",
) -> list[list[Hypothesis]]:
    """Return the ``n_best`` hypotheses of each sentence, best first.

    A step ranks the V continuations of all open hypotheses of a sentence by log-probability. Of the
    best K those that end, with EOS or at the length limit, are finished; the best K others stay open.
    Finished ones are ranked by log-probability / ``gnmt_length_penalty``.

    ``stop`` says when a sentence is done: ``exact``, when no continuation of an open hypothesis can be
    among the n best, however probable and long it becomes; ``first``, also as soon as K hypotheses
    have finished (*first come, first served*, Kasai et al. 2022, "A Call for Clarity in Beam Search").

    Args:
        model: an architecture with a decoder; it decodes in evaluation mode.
        source: (B, S) int64 tokens or (B, S, F) floats, padded on the right.
        source_mask: (B, S) bool, True where real; None if nothing is padded.
        beam: K. With 1 it is ``greedy``, unless α > 0 and ``exact`` let the search go on after EOS.
        length_penalty: α; 0 ranks by log-probability, more prefers longer hypotheses.
        max_length: most tokens of a hypothesis, EOS included: one number, or (B,) int64.
        n_best: at most ``beam``. Where the space is smaller, there are fewer hypotheses.
        stop: when a sentence is done.

    Raises:
        BadInput: a number is out of its range, or the model generates no tokens.
        FloatingPointError: the model's logits are not finite.
    """
    require_generator(model)
    if not 1 <= n_best <= beam:
        raise BadInput(
            f"n_best = {n_best} with beam = {beam}: both are at least 1, and n_best <= beam."
        )
    limits = lengths_of(max_length, len(source))
    with evaluating(model):
        return _Search(model, beam, length_penalty, n_best, stop).run(source, source_mask, limits)


class _Finished:
    """The finished hypotheses of one sentence; a hypothesis is known by its end."""

    def __init__(self, limit: int, n_best: int) -> None:
        self.limit, self.n_best = limit, n_best
        self.count, self.done = 0, False
        self.best: list[tuple[float, float, int, int, int]] = []  # score ..., row before, token

    def add(self, score: float, total: float, length: int, row: int, token: int) -> None:
        self.count += 1
        self.best.append((score, total, length, row, token))
        self.best.sort(key=lambda entry: -entry[0])
        del self.best[self.n_best :]

    def beaten_by(self, score: float) -> bool:
        """Whether a hypothesis of this score would be among the n best."""
        return len(self.best) < self.n_best or score > self.best[-1][0]


class _Search:
    def __init__(self, model: Seq2Seq, beam: int, alpha: float, n_best: int, stop: Stop) -> None:
        self.model, self.beam, self.alpha, self.n_best, self.stop = model, beam, alpha, n_best, stop
        # one a step, of all rows at that step: the row that each continues, and its token
        self.parents: list[Tensor] = []
        self.tokens: list[Tensor] = []

    def run(
        self, source: Tensor, source_mask: Tensor | None, limits: list[int]
    ) -> list[list[Hypothesis]]:
        model, K, device = self.model, self.beam, source.device
        memory = model.encode_source(source, source_mask)
        state = model.start(memory)
        finished = [_Finished(limit, self.n_best) for limit in limits]
        here = list(finished)  # those in the batch, in its order
        total_BK = torch.zeros(len(here), 1, device=device)
        token_N = torch.full((len(here),), BOS, dtype=torch.long, device=device)
        for length in range(1, max(limits) + 1):
            logits_NV, state = next_logits(model, token_N, state, memory)
            before = total_BK.shape[1]
            total_BM, row_BM, token_BM = best_candidates(logits_NV, total_BK, 2 * K)
            first_B1 = torch.arange(len(here), device=device)[:, None] * before
            row_BM = row_BM + first_B1
            ended_BM = token_BM == EOS
            self.finish(here, length, total_BM, row_BM, token_BM, ended_BM)
            total_BK, kept_BK = total_BM.masked_fill(ended_BM, -torch.inf).topk(K)
            row_BK, token_BK = row_BM.gather(1, kept_BK), token_BM.gather(1, kept_BK)
            self.close(here, length, total_BK)
            open_ = [i for i, sentence in enumerate(here) if not sentence.done]
            if not open_:
                break
            sources = None
            if (len(here) - len(open_)) * LEAVE >= len(here):
                sources = torch.tensor(open_, device=device)
                here = [here[i] for i in open_]
                total_BK, row_BK, token_BK = (x[sources] for x in (total_BK, row_BK, token_BK))
            rows_N, token_N = row_BK.flatten(), token_BK.flatten()
            self.parents.append(rows_N)
            self.tokens.append(token_N)
            if K == 1 and sources is None:
                continue
            if not model.shares_source:
                # beams of one source have the same memory: it changes only when rows come or go
                state = model.select(state, rows_N, rows_N)
                if before != K or sources is not None:
                    memory = select_rows(memory, rows_N)
                continue
            state = model.select(state, rows_N, sources)
            if sources is not None:
                memory = select_rows(memory, sources)
        return self.hypotheses(finished)

    def finish(
        self,
        here: list[_Finished],
        length: int,
        total_BM: Tensor,
        row_BM: Tensor,
        token_BM: Tensor,
        ended_BM: Tensor,
    ) -> None:
        """Note those among the best K candidates that end here."""
        ends_BK = ended_BM[:, : self.beam]
        if any(sentence.limit == length for sentence in here):
            last_B = torch.tensor(
                [sentence.limit == length for sentence in here], device=ends_BK.device
            )
            ends_BK = ends_BK | last_B[:, None]
        sentences, ranks = ends_BK.nonzero(as_tuple=True)
        if not len(sentences):
            return
        penalty = gnmt_length_penalty(length, self.alpha)
        chosen = (x[sentences, ranks].tolist() for x in (total_BM, row_BM, token_BM))
        for i, total, row, token in zip(sentences.tolist(), *chosen, strict=True):
            if not here[i].done and total > -torch.inf:
                here[i].add(total / penalty, total, length, row, token)

    def close(self, here: list[_Finished], length: int, total_BK: Tensor) -> None:
        """Mark the sentences that are done."""
        for sentence, total in zip(here, total_BK[:, 0].tolist(), strict=True):
            if sentence.done:
                continue
            full = self.stop == "first" and sentence.count >= self.beam
            sentence.done = (
                full or sentence.limit == length or not self.may_win(sentence, length, total)
            )

    def may_win(self, sentence: _Finished, length: int, total: float) -> bool:
        """Whether an open hypothesis of this log-probability can still be among the n best."""
        if len(sentence.best) < self.n_best:
            return total > -torch.inf
        # log-probabilities are negative and only fall, so the largest penalty bounds the score
        lengths = (length + 1, sentence.limit)
        return sentence.beaten_by(total / max(gnmt_length_penalty(n, self.alpha) for n in lengths))

    def hypotheses(self, finished: list[_Finished]) -> list[list[Hypothesis]]:
        """Walk back from the ends."""
        parents = [rows.tolist() for rows in self.parents]
        tokens = [rows.tolist() for rows in self.tokens]
        found: list[list[Hypothesis]] = []
        for sentence in finished:
            if not sentence.best:
                raise FloatingPointError("beam search found nothing: the model's logits are not finite")
            found.append([])
            for score, total, length, row, token in sentence.best:
                answer = [token]
                for step in range(length - 2, -1, -1):
                    answer.append(tokens[step][row])
                    row = parents[step][row]
                found[-1].append(Hypothesis(tuple(reversed(answer)), total, score))
        return found
