"""Numbers as a reader wants them: the same few significant digits and units everywhere."""

import math
from collections.abc import Iterable, Sequence

MINUS = "\u2212"
NONE = "–"
NO_BREAK = "\u00a0"
THIN = "\u202f"  # between a number and its unit: no line ends there


def number(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant digits and thousands separators."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", MINUS)
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    places = max(0, digits - 1 - magnitude)
    return f"{value:,.{places}f}".replace("-", MINUS)


def power(value: float) -> str:
    """Return a power of ten as ``10⁻³``, for the ticks of a logarithmic axis."""
    exponent = round(math.log10(value))
    if exponent == 0 or not math.isclose(value, 10.0**exponent, rel_tol=1e-6):
        return number(value)
    return "10" + superscript(exponent)


def superscript(value: float) -> str:
    """Return a number as superscript digits."""
    return f"{value:g}".translate(str.maketrans("0123456789.-", "⁰¹²³⁴⁵⁶⁷⁸⁹·⁻"))


def fixed(value: float | None, places: int = 2, signed: bool = False) -> str:
    """Return ``value`` with ``places`` decimals, so that a column of them can be compared."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:{'+' if signed else ''},.{places}f}".replace("-", MINUS)


def interval(low: float | None, high: float | None, places: int = 2) -> str:
    """Return ``[low, high]``, or nothing where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{fixed(low, places)},{NO_BREAK}{fixed(high, places)}]"


def percent(value: float | None, places: int = 1) -> str:
    """Return a share of one as a percentage."""
    return NONE if value is None or not math.isfinite(value) else f"{fixed(100 * value, places)}{THIN}%"


_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def scaled(value: float | None, unit: str = "") -> str:
    """Return ``value`` with a decimal prefix and its unit: ``12.3 MFLOP``."""
    if value is None or not math.isfinite(value):
        return NONE
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return f"{number(_round(value / factor))}{THIN}{prefix}{unit}".rstrip(THIN)
    return f"{number(_round(value))}{THIN}{unit}".rstrip(THIN)


def seconds(value: float | None) -> str:
    """Return a time with the unit that suits it: µs, ms, s, min, h."""
    if value is None or not math.isfinite(value):
        return NONE
    if value >= 5400:
        return f"{number(_round(value / 3600))}{THIN}h"
    if value >= 90:
        return f"{number(_round(value / 60))}{THIN}min"
    if value >= 1:
        return f"{number(_round(value))}{THIN}s"
    if value >= 1e-3:
        return f"{number(_round(value * 1e3))}{THIN}ms"
    return f"{number(_round(value * 1e6))}{THIN}µs"


def listed(parts: Iterable[str], last: str = "and") -> str:
    """Return ``a, b and c``."""
    words = list(parts)
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def plural(count: int, word: str, many: str | None = None) -> str:
    """Return ``1 seed`` or ``3 seeds``."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def span(values: Sequence[float]) -> str:
    """Return ``64 – 1,024``, or the one value."""
    low, high = min(values), max(values)
    return number(low) if low == high else f"{number(low)}–{number(high)}"


def _round(value: float, digits: int = 3) -> float:
    return float(f"{value:.{digits}g}")
