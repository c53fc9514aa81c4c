"""Jobs and tiny wheels for the tests of stages/sources."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

from stages.contract.job import Job
from stages.contract.port import Contract, Port


def job(output: Path, signature: tuple[Port, ...] = (), outputs: tuple[str, ...] = (), **inputs: Path) -> Job:
    """Return a job that writes to the new folder ``output``; the recipe says ``signature`` and ``outputs``."""
    output.mkdir()
    declared = Contract(signature, tuple(Port(name, (), '') for name in outputs))
    return Job(inputs, output, declared, lambda fraction, words: None)


def wheel(path: Path, *members: tuple[str, bytes], mode: int = 0o100644) -> Path:
    """Write a zip of ``members``, all with the Unix ``mode``."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of a duplicate name, which is the point of one test
        for name, content in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return path
