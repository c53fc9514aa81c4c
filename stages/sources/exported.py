"""Take a program of torch.export from outside; leave the ``exported`` format.

torch never sees the file that was fetched: it is read as data, checked, and written anew from what was checked. So it
is not run as it came either, to compare with: torch.export.load runs code that a file may hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import signs

KIND = 'exported-source'
TOOLS = ('torch', 'numpy')
LOADS = ('torch._dynamo', 'torch.export._trace')
ENVIRONMENT = ''
original = None
"""A file as it came cannot be run: torch.export.load would run code that it may hold."""


@dataclass(frozen=True)
class Params:
    """Options of ``exported-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.pt2',)


def run(params: Params, job: Job) -> Contract:
    """Leave the program, checked word by word, with inputs and outputs by place."""
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import exported_ports
    from stages.sources.single import one_file

    source = one_file(job.inputs['file'], '.pt2')
    exported_file.write_clean(source, job.output / 'model.pt2')
    job.progress(0.5, 'loading what was checked')
    declared = [port.in_file for port in (*job.contract.inputs, *job.contract.outputs)]
    try:
        program = exported_file.load(job.output / 'model.pt2')
        found = exported_ports.read(program, declared, *exported_ports.spelled(source))
    except Exception as error:  # torch's words for a graph that does not hold together are many
        raise StepError(f'{source.name}: torch cannot load it: {type(error).__name__}: {str(error)[:500]}') from error
    return matched(source.name, found, job.contract)


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is an archive of torch.export."""
    held = signs.below_the_first_folder(path)
    return {signs.named(path, '.pt2'): path.name} if {'archive_format', 'models/model.json'} <= held else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many nodes of each operator the program that ``run`` left has."""
    from stages.frameworks.torch import exported as exported_file

    return exported_file.counted(exported_file.load(folder / 'model.pt2'))
