"""The options that the measures without training share."""

from typing import Literal

from pydantic import Field

from experiments.measures import base


class SizeOptions(base.Options):
    """What is measured, and at which size; its width is the model configuration's."""

    scope: Literal["layer", "model"] = Field("layer", description="one layer, or the whole model")
    part: str = Field("", description="which of the architecture's layers; empty: the first")
    n: int = Field(gt=0, description="positions; of source and of target for a model")
    batch: int = Field(1, gt=0, description="examples a step")
