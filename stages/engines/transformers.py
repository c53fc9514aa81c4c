"""Run a model of Hugging Face transformers by its own forward, eagerly, in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.contract.port import Contract
from stages.engines import usual
from stages.engines.torch import TorchSession, session, set_threads

ENGINE = 'transformers'
RUNS = ('transformers',)
TOOLS = ('transformers', 'tokenizers', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = 'transformers'
CONCURRENT = False

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``transformers``: none."""


def prepare() -> None:
    """Import torch and transformers."""
    import transformers  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TorchSession:
    """Load configuration and weights for the task that stands beside them, checked again."""
    from stages.frameworks.torch.calling import calling
    from stages.frameworks.transformers import model as transformers_model

    set_threads(threads)
    return session(calling(transformers_model.load(folder), contract), contract)
