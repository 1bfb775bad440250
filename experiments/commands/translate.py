"""``seqyard translate STORE``: sentences in, sentences out, with trained weights."""

import argparse
import json
import secrets
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from experiments.commands.parser import Parser, choice, number
from experiments.corpora.reading import decoded, lines
from experiments.environment import choose_device, cores
from experiments.store import Store
from models.errors import BadInput

if TYPE_CHECKING:
    import torch

    from experiments.tasks.text import TextTask
    from models.base import Seq2Seq
    from models.hypothesis import Hypothesis

BEAM, LENGTH_PENALTY = 5, 0.6
"""Where the record does not say how its test set was decoded."""

TOGETHER = 512
"""Sentences read before they are decoded, unless a person types them."""

EXAMPLES = """\
  echo "walk and jump twice" | seqyard translate runs/scan-quick --architecture transformer
  seqyard translate runs/translation-quick --architecture attentional_lstm test.en > test.de
  seqyard translate runs/train --key 0123456789abcdef --beam 10 --n-best 3 --json < test.en
  seqyard translate runs/train --sample --temperature 0.7 --top-p 0.9 --seed 1 --n-best 5
"""


class Sentence(NamedTuple):
    """One line of the input; its tokens are empty where the line is."""

    line: int  # from 1
    text: str
    tokens: list[int]


def main(arguments: Sequence[str]) -> int:
    """Translate every line; an empty one stays empty.

    Raises:
        BadInput: an argument or a line is wrong.
    """
    options = parser().parse(arguments)
    _check(options)
    if not options.store.is_dir():
        raise BadInput(f"store '{options.store}': there is no such folder.")
    store = Store(options.store)
    store.check_format()
    source = _source(options.file)  # a missing file is told before torch is loaded
    import torch

    from experiments import trained

    record = trained.choose(store, options.key, options.architecture)
    task, model = trained.load(store, record, choose_device(options.device), options.corpus)
    torch.set_num_threads(options.threads or cores())
    _tell(f"{record.cell.architecture}, record {record.key}")
    decode = decoder(options, task, model, record.cell.options)
    sentences = _read(source, task)
    typed = options.file == "-" and sys.stdin.isatty()
    while together := list(islice(sentences, options.together or (1 if typed else TOGETHER))):
        for sentence, found in zip(together, decode(together), strict=True):
            print(shown(sentence, found, task, options))
        sys.stdout.flush()
    return 0


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser(
        "translate",
        "Translate lines of text with the weights of a store: one line in, one line out.",
        EXAMPLES,
    )
    found.add_argument("store", type=Path, metavar="STORE", help="folder of a run")
    found.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="UTF-8, .gz too (default: -)"
    )
    which = found.add_mutually_exclusive_group()
    which.add_argument("--key", metavar="KEY", help="record whose model is used")
    which.add_argument(
        "--architecture", metavar="NAME", help="its model that was best on validation is used"
    )
    found.add_argument(
        "--corpus", metavar="PLACE", help="read the training corpus again, where the cache lacks it"
    )
    found.add_argument(
        "--beam", type=number(int, 1), metavar="K", help="1 is greedy (default: as it was tested)"
    )
    found.add_argument(
        "--length-penalty",
        type=number(float, 0),
        metavar="A",
        help="alpha of Wu et al. 2016, equation 14 (default: as it was tested)",
    )
    found.add_argument(
        "--n-best",
        type=number(int, 1),
        metavar="N",
        help="print N lines a sentence, best first: its line number, score and text, tab-separated",
    )
    found.add_argument("--sample", action="store_true", help="draw at random in place of beam search")
    found.add_argument(
        "--temperature", type=number(float, 0, above=True), metavar="T", help="of --sample (default: 1)"
    )
    found.add_argument(
        "--top-k", type=number(int, 1), metavar="K", help="of --sample: from the K likeliest tokens"
    )
    found.add_argument(
        "--top-p",
        type=number(float, 0, above=True),
        metavar="P",
        help="of --sample: from the nucleus P",
    )
    found.add_argument("--seed", type=number(int, 0), metavar="N", help="of --sample (default: random)")
    found.add_argument(
        "--workers",
        type=number(int, 1),
        default=1,
        metavar="N",
        help="threads that decode (default: 1)",
    )
    found.add_argument("--batch-size", type=number(int, 1), default=32, metavar="N", help="default: 32")
    found.add_argument(
        "--together",
        type=number(int, 1),
        metavar="N",
        help=f"lines read before they are answered (default: {TOGETHER}; 1 where they are typed)",
    )
    found.add_argument("--threads", type=number(int, 1), metavar="N", help="default: all cores")
    found.add_argument(
        "--device",
        type=choice("device", ("auto", "cpu", "cuda")),
        default="auto",
        metavar="DEVICE",
        help="auto, cpu, cuda (default: auto)",
    )
    found.add_argument("--json", action="store_true", help="print one JSON object a line")
    return found


Decoder = Callable[[Sequence[Sentence]], list[list["Hypothesis"]]]


def decoder(
    options: argparse.Namespace, task: "TextTask", model: "Seq2Seq", tested: dict[str, float]
) -> Decoder:
    """Return what decodes sentences: for each its hypotheses, best first; none for an empty one.

    Samples are a function of the seed and of the lines read together.
    """
    import torch

    from models.beam import beam_search
    from models.sampling import sample
    from models.sharing import decode_sentences

    beam = options.beam or int(tested.get("beam", BEAM))
    alpha = options.length_penalty
    alpha = float(tested.get("length_penalty", LENGTH_PENALTY)) if alpha is None else alpha
    count = options.n_best or 1
    seed = secrets.randbits(64) if options.seed is None else options.seed
    if not options.sample and count > beam:
        raise BadInput(f"--n-best {count}: at most the beam, which is {beam}; give --beam {count} too.")

    def search(source: "torch.Tensor", mask: "torch.Tensor | None") -> "list[list[Hypothesis]]":
        limit = _limits(source, mask, task)
        if not options.sample:
            return beam_search(
                model, source, mask, beam=beam, length_penalty=alpha, max_length=limit, n_best=count
            )
        # by what is decoded, not by when: workers may take batches in any order
        of_batch = zlib.crc32(f"{seed} ".encode() + source.cpu().numpy().tobytes())
        generator = torch.Generator(source.device).manual_seed(of_batch)
        return sample(
            model,
            source,
            mask,
            max_length=limit,
            temperature=options.temperature or 1.0,
            top_k=options.top_k,
            top_p=options.top_p,
            samples=count,
            generator=generator,
        )

    def decode(sentences: Sequence[Sentence]) -> "list[list[Hypothesis]]":
        some = [sentence.tokens for sentence in sentences if sentence.tokens]
        found = iter(
            decode_sentences(
                model, some, search, batch_size=options.batch_size, workers=options.workers
            )
        )
        return [next(found) if sentence.tokens else [] for sentence in sentences]

    return decode


def shown(
    sentence: Sentence, found: "Sequence[Hypothesis]", task: "TextTask", options: argparse.Namespace
) -> str:
    """Return a sentence's answer as it is printed; a line feed or tab in one would be another line."""
    texts = [" ".join(task.decode(hypothesis.tokens).split()) for hypothesis in found]
    if options.json:
        outputs = [
            {"text": text, "score": h.score, "log_probability": h.log_probability, "ended": h.ended}
            for text, h in zip(texts, found, strict=True)
        ]
        row = {"line": sentence.line, "source": sentence.text, "outputs": outputs}
        return json.dumps(row, ensure_ascii=False)
    if options.n_best is None:
        return texts[0] if texts else ""
    rows = [(hypothesis.score, text) for hypothesis, text in zip(found, texts, strict=True)]
    return "\n".join(f"{sentence.line}\t{score:.6g}\t{text}" for score, text in rows or [(0.0, "")])


def _check(options: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    for name in ("temperature", "top_k", "top_p", "seed"):
        if getattr(options, name) is not None and not options.sample:
            raise BadInput(f"translate: --{name.replace('_', '-')} needs --sample.")
    for name in ("beam", "length_penalty"):
        if getattr(options, name) is not None and options.sample:
            raise BadInput(f"translate: --{name.replace('_', '-')} does not go with --sample.")
    if options.top_p is not None and options.top_p > 1:
        raise BadInput(f"translate: --top-p {options.top_p:g} is more than 1.")


def _source(file: str) -> Iterator[str]:
    if file == "-":
        return decoded(sys.stdin.buffer, "standard input")
    if not Path(file).is_file():
        raise BadInput(f"translate: '{file}': there is no such file.")
    return lines(Path(file))


def _read(source: Iterator[str], task: "TextTask") -> Iterator[Sentence]:
    """Yield the lines as tokens.

    Raises:
        BadInput: the task does not know a word.
    """
    for line, raw in enumerate(source, start=1):
        text = " ".join(raw.split())  # as the corpus was read
        try:
            tokens = task.encode_source(text) if text else []
        except BadInput as error:
            raise BadInput(f"line {line}: {error}") from error
        longest = getattr(task, "max_tokens", None)
        if longest and len(tokens) == longest and task.encode_source(text + " .") == tokens:
            _tell(f"line {line}: cut at {longest} tokens, the longest that the model was trained on")
        yield Sentence(line, text, tokens)


def _limits(source: "torch.Tensor", mask: "torch.Tensor | None", task: "TextTask") -> "torch.Tensor":
    import torch

    lengths = [source.shape[1]] * len(source) if mask is None else mask.sum(dim=1).tolist()
    return torch.tensor([task.longest_answer(length) for length in lengths])


def _tell(message: str) -> None:
    print(f"seqyard: {message}", file=sys.stderr)
