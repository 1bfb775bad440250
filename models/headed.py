"""What configurations with attention heads of equal width share. No torch."""

from typing import Self

from pydantic import Field, model_validator

from models.config import ModelConfig


class HeadedConfig(ModelConfig):
    """Options of an architecture whose width is shared out among its heads."""

    heads: int = Field(4, gt=0, description="H: attention heads; width is a multiple of it")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            low = self.width // self.heads * self.heads
            valid = " or ".join(str(width) for width in (low, low + self.heads) if width)
            raise ValueError(
                f"width = {self.width} is not divisible by heads = {self.heads}; "
                f"the nearest valid width is {valid}"
            )
        return self

    def width_multiple(self) -> int:
        """Return H: every head has the same width."""
        return self.heads
