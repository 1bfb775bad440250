"""What a block needs of a machine, in words that a queue can compare, and whether this one has it."""

import functools

from experiments.cell import Block
from experiments.environment import choose_device, cores, device_model
from models.errors import BadInput


def needs_of(block: Block) -> str:
    """Return device, device model and threads, as far as the block's results depend on them.

    Times hold for one device model and one number of threads; what is trained may be anywhere.
    """
    devices = {cell.device for cell in block.cells}
    device = "cuda" if "cuda" in devices else "cpu"
    models = sorted({cell.device_model for cell in block.cells if cell.device_model})
    parts = [device, *models]
    if block.exclusive:
        parts.append(f"{max(cell.threads for cell in block.cells)} threads")
    return ", ".join(parts)


def fits(block: Block) -> bool:
    """Whether this machine can run the block."""
    cells = block.cells
    if any(cell.device == "cuda" for cell in cells) and not _has_gpu():
        return False
    if block.exclusive and max(cell.threads for cell in cells) > cores():
        return False
    return all(cell.device_model in (None, _device_model(cell.device)) for cell in cells)


@functools.cache
def _has_gpu() -> bool:
    try:
        return choose_device("cuda") == "cuda"
    except BadInput:
        return False


@functools.cache
def _device_model(device: str) -> str:
    return device_model(device)
