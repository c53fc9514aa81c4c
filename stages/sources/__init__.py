"""The table of sources: in what form a trained model may come. One file each; adding one is a file and a line here."""

from __future__ import annotations

from typing import Any, Final, Protocol

from stages.contract.kind import Job
from stages.sources import exported, keras, onnx, paddle, savedmodel, tflite, torch, torchscript


class Source(Protocol):
    """The shape of every module in the table: it checks files that nobody vouches for, and leaves their format."""

    @property
    def KIND(self) -> str:
        """Its name in plans and logs: ``onnx-source``."""

    @property
    def TOOLS(self) -> tuple[str, ...]:
        """Distributions whose versions can change what it leaves."""

    @property
    def Params(self) -> type[Any]:
        """Frozen dataclass of what it needs to know beside the files."""

    def outputs(self, params: Any) -> tuple[str, ...]:
        """The files it promises to leave in ``job.output``."""

    def run(self, params: Any, job: Job) -> None:
        """Check and leave the model. Raises StepError when the files are not what they should be."""


SOURCES: Final[dict[str, Source]] = {
    'torch': torch,
    'torchscript': torchscript,
    'exported': exported,
    'savedmodel': savedmodel,
    'keras': keras,
    'tflite': tflite,
    'paddle': paddle,
    'onnx': onnx,
}
"""By format, which is also the word a recipe writes below ``source``."""
