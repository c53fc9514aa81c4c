"""What ``tvm`` can be told, whatever the model comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stages.frameworks.tvm.target import Name, System


@dataclass(frozen=True)
class Params:
    """Options of ``tvm``."""

    target: Name = 'native'
    """The CPU to compile for; native is the one that compiles."""

    system: System = 'linux'
    """The system to link for: a library ``.so`` or ``.dll``; both are linked on any system."""

    level: Literal[1, 2, 3] = 3
    """1 fuses kernels; 2 packs weights, channels last, too; 3 approximates tanh, exp, erf and tiles 3x3 layers too."""

    schedule: Literal['rule', 'none'] = 'rule'
    """Who arranges the loops that no tuning has: our rule; none is TVM as it comes, ten to a hundred times slower."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Named dimensions: the library takes these sizes and no other; one that is not named is 1."""

    insist: bool = False
    """Build also what TVM is known to compute wrongly; the check of the step then judges the numbers."""


def host(params: Params) -> bool:
    """Say whether the code suits CPUs like this one only."""
    return params.target == 'native'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the library, and what it is for."""
    return ('model.dll' if params.system == 'windows' else 'model.so', 'library.json')
