"""Sentences of the textbooks that no code here tests yet: listed, so that what is missing is seen.

A row leaves this table when its test enters ``analysis.claims.CLAIMS``.
"""

from typing import Literal

from analysis.claims.base import Claim, Topic

NO_TEST = "no test for this claim yet"


def _row(
    topic: Topic,
    id: str,
    statement: str,
    how: str,
    source: str,
    kind: Literal["exact", "measured"] = "measured",
) -> Claim:
    return Claim(id=id, statement=statement, topic=topic, kind=kind, how=how, source=source)


_LONG: Topic = "Long-range"
_INSIDE: Topic = "Inside the Transformer"
_TRAINING: Topic = "Training and decoding"

UNTESTED: tuple[Claim, ...] = (
    _row(
        _LONG,
        "L9",
        "A convolution of kernel k needs n/k layers to connect two positions, or log_k n if it is "
        "dilated.",
        "Encoder with an answer at every position: support of the Jacobian, exact, and accuracy around "
        "that distance. Supported when accuracy is at chance beyond the receptive field and above it "
        "inside.",
        "Vaswani et al. 2017, section 4; Kalchbrenner et al. 2016",
    ),
    _row(
        _LONG,
        "L10",
        "Self-attention restricted to a window of r trades a path of n/r for its lower cost.",
        "As L9, for a window of r.",
        "Vaswani et al. 2017, table 1 and section 4",
    ),
    _row(
        _LONG,
        "L11",
        "A bidirectional encoder sees the right context that a forward one misses.",
        "A task whose answer at each position lies k tokens to the right, and translation, at equal "
        "parameters. Supported when the interval of the difference lies above 0.",
        "Schuster and Paliwal 1997; Bahdanau, Cho and Bengio 2015, section 3.2",
    ),
    _row(
        _INSIDE,
        "T4",
        "Sinusoidal and learned positions work equally well.",
        "Quality difference inside the trained lengths, and beyond them apart. Supported when the two "
        "are equivalent inside (two one-sided tests, margin 1 BLEU or 2 points); beyond: reported.",
        "Vaswani et al. 2017, section 3.5 and table 3 (E)",
    ),
    _row(
        _INSIDE,
        "T5",
        "Several heads see different things, and together beat one head.",
        "1, 2, 4 and 8 heads at a fixed width, and the mean pairwise distance of their attention maps. "
        "Supported when the interval of the difference lies above 0.",
        "Vaswani et al. 2017, section 3.2.2 and table 3 (A)",
    ),
    _row(
        _INSIDE,
        "T6",
        "Attention alone is a weighted mean, linear in the values: the feed-forward network adds the "
        "non-linearity.",
        "With and without the feed-forward network at equal parameters, on a non-linear task. "
        "Supported when the interval of the difference lies above 0.",
        "Vaswani et al. 2017, section 3.3; Dong, Cordonnier and Loukas 2021",
    ),
    _row(
        _INSIDE,
        "T7",
        "Without the causal mask the decoder copies the answer in training, and fails in generation.",
        "Training loss and free-running accuracy with the mask off. Supported when the loss goes to 0 "
        "and the accuracy is at chance.",
        "Vaswani et al. 2017, section 3.2.3",
    ),
    _row(
        _INSIDE,
        "T9",
        "Residual connections make deep stacks trainable.",
        "Depths of 2 to 16 with and without them, and the gradient norm at the bottom layer. Supported "
        "when the interval of the difference lies above 0 at depth.",
        "He et al. 2016; Vaswani et al. 2017, section 3.1",
    ),
    _row(
        _INSIDE,
        "T10",
        "Layer normalisation stabilises training and makes it faster.",
        "With (before and after the residual) and without, over learning rates. Supported when the "
        "interval of the ratio of the ranges that train lies above 1.",
        "Ba, Kiros and Hinton 2016; Xiong et al. 2020",
    ),
    _row(
        _INSIDE,
        "T11",
        "Warm-up of the learning rate is needed.",
        "With and without it, for normalisation before and after the residual: reported for both, "
        "since the known answer differs.",
        "Vaswani et al. 2017, section 5.3; Xiong et al. 2020",
    ),
    _row(
        _INSIDE,
        "T12",
        "Bigger models are better, all the way.",
        "Quality against parameters at equal epochs. Supported when no neighbouring size drops "
        "significantly and the largest lies above the smallest.",
        "Vaswani et al. 2017, table 3 (C)",
    ),
    _row(
        _TRAINING,
        "D3",
        "Pretrained word vectors help, most of all with little data.",
        "With and without them, on 1, 10 and 100 % of the data. Supported when the interval of the "
        "difference lies above 0 at the small end.",
        "Mikolov et al. 2013; Pennington, Socher and Manning 2014; Qi et al. 2018",
    ),
)
