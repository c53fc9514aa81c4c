"""What a source is: a module with these names. It takes files that nobody vouches for, and leaves a format.

Three names more let ``modelkiln inspect`` and ``modelkiln new`` say more. ``recognise(path)``: the files of the model
at ``path``, a file or a folder, by the place each gets among them, as names relative to the folder of ``path``; none
where the content is no model of this format. It opens as little as tells, and no framework; a source without it is
tried by reading. ``operators(folder)``: how many of each the model that ``run`` left has. ``holds(folder)``, of
a source whose files tell no ports: what they hold. All of them run confined, as ``run`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from stages.contract.job import Job
from stages.contract.port import Contract


class Original(Protocol):
    """Lays out fetched files, untouched, as their format's engine loads them."""

    def __call__(self, inputs: Mapping[str, Path], contract: Contract, folder: Path) -> Contract:
        """Fill ``folder``; ``inputs`` are the fetched folders by role, ``contract`` is what ``run`` returned.

        The result has the ports' names in the file as it came. What ``run`` left is compared with this.
        """


class Source(Protocol):
    """The shape of every module in ``stages/sources/__init__.py``'s table."""

    @property
    def KIND(self) -> str:
        """Its name in plans and logs: ``onnx-source``."""

    @property
    def TOOLS(self) -> tuple[str, ...]:
        """Distributions whose versions can change what it leaves."""

    @property
    def ENVIRONMENT(self) -> str:
        """The locked environment it runs in, by its name in ``stages/environments``; empty: the user's own."""

    @property
    def Params(self) -> type[Any]:
        """Frozen dataclass of what it needs to know beside the files."""

    def outputs(self, params: Any) -> tuple[str, ...]:
        """The files it promises to leave in ``job.output``."""

    def run(self, params: Any, job: Job) -> Contract:
        """Check and leave the model; return the contract read from it, under the names of ``job.contract``.

        Raises StepError when the files are not what they should be, or not what the recipe says.
        """

    @property
    def original(self) -> Original | None:
        """For a source that leaves other bytes than what came: what lays out the files as they came."""
