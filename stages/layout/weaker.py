"""Measuring on a weaker CPU: each engine kept to an instruction set by its own control, shown to hold, or emulated.

A variant that cannot be kept to it is a row with its reason, not a failure: nothing is wrong with the variant. What
runs under an emulator is never timed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stages import cpu
from stages.contract.port import read_contract
from stages.engines import ENGINES
from stages.errors import StepError
from stages.measure.proof import TALKATIVE

EMULATORS: Final = ('qemu-x86_64-static', 'qemu-x86_64')
MODELS: Final = {'sse42': 'Nehalem', 'avx2': 'Haswell'}
"""What the emulator can be: a CPU that has the set and nothing stronger. It has no AVX-512."""

EMULATED_TIMEOUT: Final = 600.0
"""Seconds; an emulated call takes some hundred times as long as a real one."""

Prove = Callable[[Mapping[str, Any], Mapping[str, str], tuple[str, ...], float], dict[str, Any]]
"""Runs a proof of a request: with these variables, under this command, in so many seconds."""


@dataclass(frozen=True)
class Kept:
    """How one variant is kept to an instruction set."""

    environment: Mapping[str, str] = field(default_factory=dict)
    relative: float | None = None
    """How far its answers are from those with all instructions."""

    emulated: str = ''
    """The CPU it was run as, untimed; empty: it is measured."""

    unable: str = ''
    """Why it cannot be kept to it; empty: it can."""

    @property
    def measured(self) -> bool:
        """Whether it is timed."""
        return not self.emulated and not self.unable


def kept(isa: str, request: Mapping[str, Any], prove: Prove, keep: Path) -> Kept:
    """Show how the variant of a cycle's ``request`` is kept to ``isa``. ``keep``: a folder it may write in."""
    if lacking := cpu.lacks(isa):
        return Kept(unable=f'this CPU has no {", ".join(lacking)}')
    folder = Path(request['folder'])
    engine = ENGINES[request['engine']]
    contract = read_contract(folder)
    variables = engine.kept_to(isa, folder, contract)
    answers = keep / 'answers.npz'
    answers.unlink(missing_ok=True)  # of the variant before
    try:
        prove({**request, 'keep': str(answers)}, {}, (), EMULATED_TIMEOUT)
    except StepError as error:
        return Kept(unable=f'it does not run at all: {_last(error)}')
    if variables is None:
        return _emulated(isa, request, prove, answers, engine.ENGINE)
    asked = {**request, 'before': str(answers)}
    try:
        shown = prove(asked, {**variables, **TALKATIVE}, (), EMULATED_TIMEOUT)
    except StepError as error:
        return Kept(unable=f'it does not run so: {_last(error)}')
    said = shown['instructions']
    if not said:
        return Kept(
            unable=f'{engine.ENGINE} does not say which instructions it uses: nothing shows that it keeps to {isa}'
        )
    if cpu.exceeds(said, isa):
        return Kept(unable=f'{engine.ENGINE} was told to keep to {isa} and says that it uses {said}')
    return Kept(variables, shown['relative'])


def _emulated(isa: str, request: Mapping[str, Any], prove: Prove, answers: Path, engine: str) -> Kept:
    """Run it as another CPU: whether it starts there, and what it answers; not how fast."""
    no_control = f'{engine} cannot be told to keep to {isa}'
    model = MODELS.get(isa)
    if model is None:
        return Kept(unable=f'{no_control}, and the emulator has nothing above AVX2')
    program = next((found for name in EMULATORS if (found := shutil.which(name))), None)
    if program is None:
        return Kept(unable=f'{no_control}; an emulated CPU needs: apt-get install qemu-user-static')
    # NumPy's OpenBLAS takes kernels by what it believes the CPU is, and would end at an instruction that is missing
    variables = {'OPENBLAS_CORETYPE': model}
    try:
        shown = prove(
            {**request, 'before': str(answers)}, variables, (program, '-cpu', model), EMULATED_TIMEOUT,
        )  # fmt: skip
    except StepError as error:
        return Kept(unable=f'{no_control}; as an emulated {model} it does not run: {_last(error)}')
    return Kept(relative=shown['relative'], emulated=model)


def _last(error: StepError) -> str:
    """How it ended, and the last line of its log."""
    lines = [line for line in str(error).splitlines() if line.strip() and 'qemu' not in line] or [str(error)]
    return lines[0] if len(lines) == 1 else f'{lines[0]}: {lines[-1]}'
