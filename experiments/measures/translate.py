"""Measure ``translate``: train on sentence pairs, select on validation BLEU, test with beam search."""

import json
from typing import Any

import numpy as np
import torch
from pydantic import Field

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import Subject
from experiments.measures import base
from experiments.measures.base import Context, Outcome
from experiments.measures.memory import CPU_METHOD, CUDA_METHOD, cpu_peak, cuda_peak
from experiments.measures.tested import FORCED, test
from experiments.measures.train import Train
from experiments.measures.translating import (
    Output,
    corpus_scores,
    decode,
    signatures,
    statistics,
)
from experiments.tasks.text import Pair, TextTask, examples_of
from experiments.watch import Judge, Scores, Trial
from models.base import Seq2Seq
from models.errors import BadInput

BATCH_TOKENS = 4000
"""Tokens of a batch in decoding; scores do not depend on it."""

DRAWN_PIECES = 30
"""Attention is kept for outputs and sources of at most so many tokens."""


class Translate(Train):
    """Train on sentence pairs, select on validation BLEU, test once with beam search: BLEU, chrF."""

    class Options(base.Options):
        """How the selected model decodes the test sets."""

        beam: int = Field(5, gt=0, description="hypotheses kept; greedy is always scored beside it")
        length_penalty: float = Field(0.6, ge=0, description="alpha of Wu et al. 2016, equation 14")
        samples: int = Field(20, ge=0, description="outputs kept beside the scores")
        attention_maps: int = Field(4, ge=0, description="of how many of them attention is kept")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Train and test one cell.

        Raises:
            BadInput: the task has no text.
            Diverged: every learning rate gave a loss that is not finite.
        """
        outcome = super().one(cell, context)
        trained = outcome.metrics
        trained["tokens_per_second"] = trained["tokens"] / max(1e-9, trained["seconds"])
        if "training_tokens" in trained:
            trained["epochs"] = trained["tokens"] / trained["training_tokens"]
        for name in ("bleu", "chrf"):
            curve = outcome.curves[f"validation_{name}"]
            trained[f"validation_{name}"] = dict(curve)[trained["best_step"]]
        return outcome

    def judge(self, subject: Subject, cell: Cell) -> Judge:
        """Return greedy BLEU, which selects, and chrF, on the validation sentences."""
        task = text_task(subject)
        pairs = task.scored("validation")

        def scores(model: Seq2Seq) -> Scores:
            outputs = decode(model, task, pairs, batch_tokens=BATCH_TOKENS)
            return corpus_scores([output.text for output in outputs], pairs)

        return scores

    def tested(self, model: Seq2Seq, subject: Subject, cell: Cell, context: Context) -> Outcome:
        """Return scores, per-sentence statistics and samples of every test set."""
        options, task = self.Options.model_validate(cell.options), text_task(subject)
        forced, slices = test(model, subject, free_running=task.one_answer)
        if not task.one_answer:  # the true prefix was given to all of them
            slices = [{**row, "split": FORCED} for row in slices]
        metrics: dict[str, Any] = {
            "test_teacher_forced": forced["test_teacher_forced" if task.one_answer else "test"],
            "test_loss": forced["test_loss"],
            "peak_bytes": peak_bytes(subject, cell),
            "overlong": task.overlong("test"),
            "overlong_training": task.overlong("train"),
        }
        sentences, kept = [], []
        for name in task.test_sets():
            pairs = task.pairs(name)
            for beam in dict.fromkeys((1, options.beam)):
                context.progress(f"testing: {name}, beam {beam}")
                outputs = decode(
                    model,
                    task,
                    pairs,
                    beam=beam,
                    length_penalty=options.length_penalty,
                    batch_tokens=BATCH_TOKENS,
                )
                found = statistics(name, "greedy" if beam == 1 else "beam", outputs, pairs)
                found["overlong"] = task.overlong(name)
                sentences.append(found)
                if name == "test":
                    metrics |= _test_metrics(outputs, pairs, found, greedy=beam == 1)
                    kept = [(pair, output) for pair, output in zip(pairs, outputs, strict=True)]
        if options.beam == 1:
            metrics |= {name: metrics[f"{name}_greedy"] for name in ("bleu", "chrf", "exact_match")}
        metrics["test"] = metrics["exact_match"]
        metrics |= _floor(task)
        samples = self._samples(model, task, kept, options, cell, context)
        return Outcome(
            metrics=metrics,
            slices=slices,
            sentences=sentences,
            samples=samples,
            environment=signatures()
            | {
                "tokeniser": task.tokeniser(),
                "memory_method": CUDA_METHOD if cell.device == "cuda" else CPU_METHOD,
            },
        )

    def further_curves(self, best: Trial) -> dict[str, list[Any]]:
        """Return validation BLEU and chrF by step, and BLEU by what it cost."""
        return {
            "validation_bleu": best.curves["bleu"],
            "validation_chrf": best.curves["chrf"],
            "validation_teacher_forced": best.curves["teacher_forced"],
            "bleu_by_flops": best.curves["by_flops"],
            "bleu_by_seconds": best.curves["by_seconds"],
            "bleu_by_cpu_seconds": best.curves["by_cpu_seconds"],
        }

    def _samples(
        self,
        model: Seq2Seq,
        task: TextTask,
        kept: list[tuple[Pair, Output]],
        options: Any,
        cell: Cell,
        context: Context,
    ) -> list[dict[str, Any]]:
        """Return samples for the record, if the text may be kept there; else write them beside it."""
        rows = [
            {"source": pair.source, "reference": pair.reference, "output": output.text}
            for pair, output in kept
        ]
        if task.public:
            rows = rows[: options.samples]
        drawn = 0
        for row, (pair, output) in zip(rows, kept, strict=False):
            if drawn == options.attention_maps:
                break
            found = attention(model, task, pair, output)
            if found is not None:
                row |= found
                drawn += 1
        if task.public:
            return rows
        path = context.store.artifacts / f"{cell.key}.samples.json"
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        return []


def text_task(subject: Subject) -> TextTask:
    """Return the subject's task.

    Raises:
        BadInput: it has no text.
    """
    if not isinstance(subject.task, TextTask):
        raise BadInput(
            f"task '{subject.task.name}': the measure 'translate' needs a task from text to text, such "
            "as translation or scan."
        )
    return subject.task


def _test_metrics(
    outputs: list[Output], pairs: Any, found: dict[str, Any], *, greedy: bool
) -> dict[str, float]:
    scores = corpus_scores([output.text for output in outputs], pairs)
    scores["exact_match"] = float(np.mean(found["exact"]))
    return {f"{name}_greedy": value for name, value in scores.items()} if greedy else scores


def _floor(task: TextTask) -> dict[str, float]:
    """Return the scores of the one sentence that a Markov model of the target thinks likeliest."""
    sentence, pairs = task.floor_sentence(), task.pairs("test")
    scores = corpus_scores([sentence] * len(pairs), pairs)
    return {f"{name}_floor": value for name, value in scores.items()}


@torch.inference_mode()
def attention(model: Seq2Seq, task: TextTask, pair: Pair, output: Output) -> dict[str, Any] | None:
    """Return pieces and attention maps of one output, or None if it is too long or has none."""
    source = task.encode_source(pair.source)
    target = [token for token in output.tokens if token]
    if not target or max(len(source), len(target)) > DRAWN_PIECES:
        return None
    batch = to_batch(examples_of([source], [target])).to(model.device)
    maps = model.attention_maps(batch)
    return {
        "source_pieces": task.pieces(source, "source"),
        "output_pieces": task.pieces(target, "target"),
        "attention": {
            name: [[round(float(weight), 3) for weight in row] for row in weights_BTS[0]]
            for name, weights_BTS in maps.items()
        },
    }


def peak_bytes(subject: Subject, cell: Cell) -> int:
    """Return the peak of one training step on the first batch, beyond what was held before it."""
    model = subject.build(cell.seed).to(cell.device).train()
    optimizer = model.configure_optimizers()["optimizer"]
    examples = subject.task.train_batch(cell.seed, 0, subject.recipe.batch_size)
    batch = to_batch(examples).to(cell.device)
    kind = "cuda" if cell.device == "cuda" else "cpu"

    def step() -> None:
        with torch.autocast(kind, torch.bfloat16, enabled=cell.precision == "bfloat16"):
            loss = model.training_step(batch, 0)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()  # leaves the optimiser's state behind
    return cuda_peak(step) if cell.device == "cuda" else cpu_peak(step)
