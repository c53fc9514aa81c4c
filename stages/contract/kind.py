"""What a kind is: a module with these names. No base class, no decorator, no scan.

A kind sees its own ``Params`` and a ``Job``; never the recipe, the plan, doit or another kind. It imports frameworks
inside ``run`` only, so that planning stays instant.

Some have more names. ``LOADS``: modules that its tools import at work; they are loaded before, for all steps of
the same tools (none that remembers, as it is loaded, where temporary files go). ``ALL_CORES``: true of one whose tools
work on every core, beside which nothing else is begun; no part of its code in keys. ``KEEPS``: true of one that goes on
from work that it kept in ``job.keep``. ``ASIDE``: why a first recipe leaves it out, one sentence.
``refuses(params, job)``: raises UnsupportedError where it knows, before any work, that it cannot do this to a model.
"""

from __future__ import annotations

from typing import Any, Protocol

from stages.contract.job import Job
from stages.contract.port import Contract


class Kind(Protocol):
    """The shape of every module in ``stages/kinds/__init__.py``'s table."""

    @property
    def KIND(self) -> str:
        """The word a recipe writes: the file's name with dashes, up to a ``-from-``."""

    @property
    def ACCEPTS(self) -> tuple[str, ...]:
        """The formats it takes."""

    @property
    def GIVES(self) -> str:
        """The format it leaves."""

    @property
    def TOOLS(self) -> tuple[str, ...]:
        """Distributions whose versions can change the bytes it leaves; they enter the key."""

    @property
    def ENVIRONMENT(self) -> str:
        """The locked environment it runs in, by its name in ``stages/environments``; empty: the user's own."""

    @property
    def PROGRAMS(self) -> tuple[str, ...]:
        """Programs of the system that it calls, by name; what they say of their version enters the key."""

    @property
    def DETERMINISTIC(self) -> bool:
        """Whether the same inputs give the same bytes each time, which ``modelkiln check --rounds`` holds it to."""

    @property
    def Params(self) -> type[Any]:
        """Frozen dataclass: its fields are what a recipe may write, the string under each its description."""

    def needs(self, params: Any) -> tuple[str, ...]:
        """Roles of data it reads beside the model: ``('calibrate',)`` or nothing."""

    def precision(self, params: Any, before: str) -> str:
        """The precision of the result, by which it is judged, given that of its model (``f32``, ``int8`` …)."""

    def host(self, params: Any) -> bool:
        """Whether the bytes depend on the CPU they are made on; its features then enter the key."""

    def outputs(self, params: Any) -> tuple[str, ...]:
        """The files it promises to leave in ``job.output``."""

    def run(self, params: Any, job: Job) -> Contract:
        """Do the work; return the contract of what it made, from the made file itself where that says it.

        The worker keeps it beside the files, with the precision that ``precision`` tells. Raises UnsupportedError when
        the tool cannot do this to this model.
        """
