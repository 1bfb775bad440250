"""Which registered architectures can do what, asked of themselves."""

from models import MODELS
from models.conformance import PROBLEMS
from models.errors import BadInput
from models.registry import architecture


def _accepts(name: str, problem: str) -> bool:
    try:
        architecture(name).accept(PROBLEMS[problem])
    except BadInput:
        return False
    return True


def _reads(name: str) -> bool:
    return "depends_on_source" not in architecture(name).Config().exemptions()


LANGUAGE_MODELS = [name for name in MODELS if _accepts(name, "decoder-alone")]
DECODERS = [name for name in MODELS if _accepts(name, "decoder-tokens")]
READERS = [name for name in MODELS if _reads(name)]
"""Those whose answer depends on the source."""
