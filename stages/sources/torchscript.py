"""Take a TorchScript file from outside; leave the ``torchscript`` format.

TorchScript is code, though of a small language: what of it could reach a file is refused before torch reads it, and
torch.jit alone reads it, which knows no pickle that calls Python.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError, UnsupportedError

KIND = 'torchscript-source'
TOOLS = ('torch', 'numpy')
ENVIRONMENT = ''

CODE_BYTES = 64 * 1024 * 1024  # the most that all code of a file may be once unpacked
FILES = re.compile(rb'\.\s*(save|from_file)\b')  # the two operators that write and read files


@dataclass(frozen=True)
class Params:
    """Options of ``torchscript-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.pt',)


def run(params: Params, job: Job) -> Contract:
    """Leave the model in eval mode, without debug records, with the version that it came with."""
    from stages.frameworks.refusal import deprecations_silenced
    from stages.frameworks.torch import torchscript as torchscript_file
    from stages.frameworks.torch.described import described

    source = _file(job.inputs)
    _check_records(source)
    with deprecations_silenced():
        module = _loaded(source)
        training = any(part.training for part in module.modules())
        module = module.eval()
        if training:
            torchscript_file.write(module, job.output / 'model.pt')
        else:
            torchscript_file.write_stripped(source, job.output / 'model.pt')
        return described(source.name, module, job.contract)


def original(inputs: Mapping[str, Path], contract: Contract, folder: Path) -> Contract:
    """Lay out the file as it came; ``run`` has found that it reaches no files, and left its ports as they are."""
    shutil.copyfile(_file(inputs), folder / 'model.pt')
    return contract


def _file(inputs: Mapping[str, Path]) -> Path:
    from stages.sources.single import one_file

    return one_file(inputs['file'], '.pt', '.pth', '.ts', '.torchscript')


def _loaded(source: Path) -> Any:
    import torch

    jit: Any = torch.jit  # untyped in torch
    try:
        return jit.load(str(source), map_location='cpu')
    except Exception as error:
        msg = f'{source.name}: torch.jit cannot load it: {type(error).__name__}: {str(error)[:500]}'
        raise StepError(msg) from error


def _check_records(source: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            members = {m.filename.partition('/')[2]: m for m in archive.infolist()}
            if 'constants.pkl' not in members or not any(name.startswith('code/') for name in members):
                raise zipfile.BadZipFile('it holds no code')
            code = [m for name, m in members.items() if name.startswith('code/')]
            packed = [m for name, m in members.items() if not name.startswith('code/')]
            if sum(m.file_size for m in code) > CODE_BYTES or any(m.file_size > m.compress_size for m in packed):
                raise StepError(f'{source.name}: unpacks to more than a TorchScript file does')
            for member in code:
                if found := FILES.search(archive.read(member)):
                    msg = f'{source.name}: {member.filename} uses {found[0].decode()}, which reaches files'
                    raise UnsupportedError(f'{msg}\nwhat to try: script the module without it')
    except zipfile.BadZipFile as error:
        msg = (
            f'{source.name}: is no TorchScript file ({error}); a pickle (torch.save) would run code and is never read\n'
            "what to try: a recipe's torch source: the Python that builds the module, and its weights as .safetensors"
        )
        raise StepError(msg) from error
