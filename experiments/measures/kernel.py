"""Which class of kernel a forward pass runs through, seen from the operators that it calls."""

from collections import Counter
from typing import Any

from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from experiments.measures.subject import Subject

FUSED_RECURRENCE = {"mkldnn_rnn_layer", "_cudnn_rnn", "miopen_rnn"}
WHOLE_SEQUENCE = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
STEP = {"tanh", "sigmoid", "relu", "_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"}
SOFTMAX = {"_softmax", "_safe_softmax"}


def kernel_class(subject: Subject, n: int) -> str:
    """Run the forward pass once and return the class of kernel that it used.

    - ``fused``: one operator for a whole recurrence, or for the whole of attention
    - ``loop``: a Python loop over the positions
    - ``C++ loop``: torch's operator for whole sequences, which has no fused kernel here
    - ``explicit``: attention that forms all n x n weights

    Of a recurrence with attention, the attention's; with the recurrence's before it if that is a loop.
    An empty string: neither a recurrence nor attention.
    """
    with _Calls() as calls, _Operators() as operators:
        subject.output()
    ran = operators.ran
    recurrence = set()
    if not FUSED_RECURRENCE.isdisjoint(ran):
        recurrence.add("fused")
    # in place, tanh_, is a step too
    stepped = n > 1 and any(ran[name] + ran[f"{name}_"] >= n for name in STEP)
    if stepped:
        in_cpp = bool(WHOLE_SEQUENCE & calls.names) and not recurrence
        recurrence.add("C++ loop" if in_cpp else "loop")
    attention = set()
    if any("scaled_dot_product" in name and "math" not in name for name in ran):
        attention.add("fused")
    if not SOFTMAX.isdisjoint(ran):
        attention.add("explicit")
    words = sorted(recurrence - {"fused"} if attention else recurrence) + sorted(attention)
    return " + ".join(words)


class _Operators(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.ran: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.ran[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


class _Calls(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))
