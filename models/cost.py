"""Theory: parameters, FLOPs, sequential operations, path length and state size, from the sizes alone.

FLOPs count one multiply-add as 2 and matrix products only, as torch's FlopCounterMode does, so that
the formula and the count agree to the last digit.
"""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one forward pass of a whole model costs for one example of S and T positions."""

    parameters: int  # without token embeddings and output projection
    flops: int  # forward, matrix products, embeddings and output projection included
    sequential_operations: int  # longest chain of dependent steps, in steps
    path_length: int  # longest path between a source and an output position, in steps
    state_size: int  # numbers that decoding keeps for each example

    def as_dict(self) -> dict[str, int]:
        """Return the fields as plain data, for a manifest."""
        return asdict(self)


def linear_flops(inputs: int, outputs: int, positions: int = 1) -> int:
    """FLOPs of a linear map applied at ``positions`` positions."""
    return 2 * inputs * outputs * positions


def linear_parameters(inputs: int, outputs: int, bias: bool = True) -> int:
    """Parameters of a linear map."""
    return inputs * outputs + (outputs if bias else 0)


def recurrent_parameters(inputs: int, hidden: int, gates: int) -> int:
    """Parameters of one recurrent layer with two bias vectors, as torch stores it."""
    return gates * hidden * (inputs + hidden + 2)


def recurrent_flops(inputs: int, hidden: int, gates: int, positions: int) -> int:
    """FLOPs of one recurrent layer over ``positions`` steps: O(n d²)."""
    return gates * linear_flops(inputs + hidden, hidden, positions)


def attention_core_flops(width: int, queries: int, keys: int, key_width: int | None = None) -> int:
    """FLOPs of scores and weighted sum over all heads, O(n² d): 4·n²·d for n queries and n keys.

    ``width`` is that of the values of all heads together, ``key_width`` that of their keys (None: the
    same).
    """
    return linear_flops(key_width or width, keys, queries) + linear_flops(width, keys, queries)
