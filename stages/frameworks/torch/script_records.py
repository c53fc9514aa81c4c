"""The records of a TorchScript archive, read as data: which there are, their code, the classes that their pickles name.

torch finds records by its own reader, which knows no upper case, and reads archives of other times when it finds their
records; so names are told apart as it tells them, and what it would take for an older archive is refused.
"""

from __future__ import annotations

import pickletools  # which says what a pickle holds, and does none of it
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.frameworks.torch import allowed
from stages.frameworks.torch.script_code import CUSTOM, TRY

CODE_BYTES: Final = 16 << 20
"""The most that all code of a file may be once unpacked; a large model has one."""

PICKLES: Final = ('data.pkl', 'constants.pkl')
OLD: Final = ('model.json', 'attributes.pkl')
"""What archives of before 2019 had, whose code lies wherever they say."""


def code(source: Path) -> dict[str, bytes]:
    """Return the code of the archive by the names of its files.

    Raises StepError where it is no such archive, IntegrityError for one that two readers could read in two ways, and
    UnsupportedError where it holds objects of a class that is not ``allowed``.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(source.name, archive)
            texts = {name: member for name, member in members.items() if name.startswith('code/')}
            if not texts or any(name not in members for name in PICKLES):
                raise zipfile.BadZipFile('it holds no code')
            packed = [member for name, member in members.items() if name not in texts]
            if sum(m.file_size for m in texts.values()) > CODE_BYTES:
                raise IntegrityError(f'{source.name}: more than {CODE_BYTES:,} bytes of code')
            whole = source.stat().st_size  # records may lie over each other
            if any(m.file_size > m.compress_size for m in packed) or sum(m.file_size for m in packed) > whole:
                raise IntegrityError(f'{source.name}: unpacks to more than a TorchScript file does')
            for name in PICKLES:
                _check_classes(f'{source.name}: {name}', archive.read(members[name]))
            return {name: archive.read(member) for name, member in texts.items() if name.endswith('.py')}
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        msg = (
            f'{source.name}: is no TorchScript file ({error}); a pickle (torch.save) would run code and is never read\n'
            "what to try: a recipe's torch source: the Python that builds the module, and its weights as .safetensors"
        )
        raise StepError(msg) from error


def _members(file: str, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their names within the one folder that all of them lie in."""
    members = archive.infolist()
    names = [member.filename.partition('/')[2] for member in members]
    folders = {member.filename.partition('/')[0] for member in members}
    if len(folders) != 1 or len({name.lower() for name in names}) != len(names):
        raise IntegrityError(f'{file}: two records of one name, or in two folders; a TorchScript file has neither')
    if found := [name for name in names if name.lower() in OLD]:
        raise UnsupportedError(
            f'{file}: holds {found[0]}, as torch wrote it before version 1.2\n'
            'what to try: load it and save it again with a torch of today, where you trust it'
        )
    if odd := [name for name in names if name.lower().startswith('code/') and not name.endswith(('.py', '.debug_pkl'))]:
        raise IntegrityError(f'{file}: {odd[0]} is neither code nor what belongs to it')
    return dict(zip(names, members, strict=True))


def _check_classes(where: str, pickle: bytes) -> None:
    try:
        for name in _classes(pickle):
            theirs = name.startswith(CUSTOM) and name.removeprefix(CUSTOM) not in allowed.CLASSES
            if theirs or name.startswith('torch.distributed'):
                raise UnsupportedError(f'{where}: holds a {name}, which reaches outside the model\nwhat to try: {TRY}')
    except ValueError as error:
        raise IntegrityError(f'{where}: damaged: {str(error)[:200]}') from error


def _classes(pickle: bytes) -> Iterator[str]:
    for operation, argument, _ in pickletools.genops(pickle):
        if operation.name in ('GLOBAL', 'INST'):
            yield str(argument).replace(' ', '.')
        elif operation.name == 'STACK_GLOBAL':
            raise ValueError('it names classes in a way that torch does not')
