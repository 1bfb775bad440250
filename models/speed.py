"""The speed settings, chosen once, in one place, for each device; recorded with every cell.

``fast`` is what was measured to be fastest at unchanged accuracy; ``plain`` is torch as it ships.
Kernels read ``current()``; experiments apply a choice before anything is built.
"""

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch

AttentionKernel = Literal["auto", "fused", "explicit"]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One choice of every setting."""

    name: Literal["fast", "plain"]
    matmul_precision: Literal["highest", "high", "medium"]
    attention: AttentionKernel  # auto: by length and device, see models.attention
    byte_dropout: bool  # CPU: draw dropout masks from random bytes (models.dropout)

    def as_dict(self) -> dict[str, object]:
        """Return plain data for a record's environment."""
        return asdict(self)


PLAIN = Speed(name="plain", matmul_precision="highest", attention="fused", byte_dropout=False)
_current = PLAIN


def choose(device: str, name: Literal["fast", "plain"] = "fast") -> Speed:
    """Return the settings for a device ("cpu" or "cuda").

    On an AMD CPU "medium" routes fp32 products to oneDNN instead of a slow MKL path at fp32 accuracy
    (relative error about 1e-6). Whether it does so with this torch on this CPU is tried here, on one
    product; elsewhere it may lower the precision, so it is not used there.
    """
    if name == "plain":
        return PLAIN
    amd = device == "cpu" and "AuthenticAMD" in _cpu_vendor()
    return Speed(
        name="fast",
        matmul_precision="medium" if amd and _keeps_accuracy("medium") else "highest",
        attention="auto",
        byte_dropout=device == "cpu",
    )


def apply(speed: Speed) -> None:
    """Make ``speed`` the current settings of this process."""
    global _current
    torch.set_float32_matmul_precision(speed.matmul_precision)
    _current = speed


def current() -> Speed:
    """Return the settings in force; ``plain`` until something was applied."""
    return _current


def _keeps_accuracy(precision: str, tolerance: float = 1e-5) -> bool:
    """Whether fp32 products on this CPU keep their relative error below ``tolerance``."""
    noise = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 256, 256, generator=noise)
    exact = a.double() @ b.double()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        error = ((a @ b).double() - exact).norm() / exact.norm()
    finally:
        torch.set_float32_matmul_precision(before)
    return float(error) < tolerance


def _cpu_vendor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")[:2000]
    except OSError:
        return platform.processor()
