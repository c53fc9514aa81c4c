"""Take a TorchScript file from outside; leave the ``torchscript`` format.

TorchScript is code, though of a small language: what of it could reach a file is refused before torch reads it, and
torch.jit alone reads it, which knows no pickle that calls Python.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.kind import Job
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


def run(params: Params, job: Job) -> None:
    """Leave the model in eval mode, without debug records; it takes as many tensors as the recipe declares."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced
    from stages.frameworks.torch import torchscript as torchscript_file
    from stages.sources.single import one_file

    source = one_file(job.inputs['file'], '.pt', '.pth', '.ts', '.torchscript')
    _check_records(source)
    jit: Any = torch.jit  # untyped in torch
    with deprecations_silenced():
        try:
            module = jit.load(str(source), map_location='cpu').eval()
        except Exception as error:
            msg = f'{source.name}: torch.jit cannot load it: {type(error).__name__}: {str(error)[:500]}'
            raise StepError(msg) from error
        taken = module.forward.schema.arguments[1:]  # the first is the module itself
        if job.signature and not sum(not a.has_default_value() for a in taken) <= len(job.signature) <= len(taken):
            names = ', '.join(a.name for a in taken)
            raise StepError(f'{source.name}: takes {names}; the recipe declares {len(job.signature)} inputs')
        torchscript_file.write_stripped(module, job.output / 'model.pt')


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
