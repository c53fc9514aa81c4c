"""Take a TorchScript file from outside; leave the ``torchscript`` format.

TorchScript is code, though of a small language: it may call operators that compute, and no others. Its text is checked
before torch reads it, since loading runs parts of it, and what torch made of that is checked before any of it is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import ModelkilnError, StepError
from stages.sources import signs

KIND = 'torchscript-source'
TOOLS = ('torch', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``torchscript-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.pt',)


def run(params: Params, job: Job) -> Contract:
    """Leave the model in eval mode, without debug records, with the version that it came with."""
    from stages.frameworks.refusal import deprecations_silenced
    from stages.frameworks.torch import script_code, script_records
    from stages.frameworks.torch import torchscript as torchscript_file
    from stages.frameworks.torch.described import described

    source, made = _file(job.inputs), job.output / 'model.pt'
    script_code.check(source.name, script_records.code(source))
    torchscript_file.write_stripped(source, made)  # torch never opens the archive that was fetched
    with deprecations_silenced():
        module = _loaded(source.name, made)
        training = any(getattr(part, 'training', False) for part in module.modules())  # a frozen one has none
        module = module.eval()
        if training:
            made.unlink()
            torchscript_file.write(module, made)
        return described(source.name, module, job.contract)


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is an archive of torch with code in it."""
    held = signs.below_the_first_folder(path)
    coded = 'constants.pkl' in held and any(name.startswith('code/') for name in held)
    return {signs.named(path, '.pt', '.pth', '.ts', '.torchscript'): path.name} if coded else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many nodes of each operator the model that ``run`` left has."""
    from stages.frameworks.torch import script_graph

    return script_graph.counted(_loaded('model.pt', folder / 'model.pt'))


def original(inputs: Mapping[str, Path], contract: Contract, folder: Path) -> Contract:
    """Lay out the file as it came, record by record; ``run`` has found that it only computes, and left its ports."""
    from stages.frameworks.torch import torchscript as torchscript_file

    torchscript_file.write_records(_file(inputs), folder / 'model.pt')
    return contract


def _file(inputs: Mapping[str, Path]) -> Path:
    from stages.sources.single import one_file

    return one_file(inputs['file'], '.pt', '.pth', '.ts', '.torchscript')


def _loaded(file: str, path: Path) -> Any:
    from stages.frameworks.torch import script_graph

    try:
        return script_graph.load(file, path)
    except ModelkilnError:
        raise
    except Exception as error:
        msg = f'{file}: torch.jit cannot load it: {type(error).__name__}: {str(error)[:500]}'
        raise StepError(msg) from error
