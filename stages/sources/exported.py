"""Take a program of torch.export from outside; leave the ``exported`` format.

torch never sees the file that was fetched: it is read as data, checked, and written anew from what was checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stages.contract.kind import Job
from stages.contract.port import Tensor
from stages.errors import StepError

KIND = 'exported-source'
TOOLS = ('torch', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``exported-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.pt2',)


def run(params: Params, job: Job) -> None:
    """Leave the program, checked word by word; it takes what the recipe declares, by position."""
    from stages.contract import ports
    from stages.frameworks.torch import exported as exported_file
    from stages.sources.single import one_file

    source = one_file(job.inputs['file'], '.pt2')
    exported_file.write_clean(source, job.output / 'model.pt2')
    job.progress(0.5, 'loading what was checked')
    try:
        program = exported_file.load(job.output / 'model.pt2')
        found = _inputs(program)
    except Exception as error:  # torch's words for a graph that does not hold together are many
        raise StepError(f'{source.name}: torch cannot load it: {type(error).__name__}: {str(error)[:500]}') from error
    _, by_name = program.call_spec.in_spec.children()
    if by_name.num_children:
        raise StepError(f'{source.name}: takes arguments by name; expected an export that takes them by position only')
    ports.check(source.name, found, program.graph_signature.user_outputs, job.signature, job.outputs)


def _inputs(program: Any) -> tuple[Tensor, ...]:
    wanted = program.graph_signature.user_inputs
    values = {node.name: node.meta['val'] for node in program.graph.nodes if node.name in wanted}
    return tuple(
        Tensor(name, tuple(d if isinstance(d, int) else str(d) for d in value.shape), str(value.dtype).split('.')[1])
        for name, value in values.items()
    )
