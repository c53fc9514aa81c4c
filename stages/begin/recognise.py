"""Tell by its content which format a file or folder is in; runs confined, as a step does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages.contract.job import Job
from stages.errors import StepError
from stages.sources import SOURCES

KIND = 'recognise'
TOOLS = ('onnx', 'numpy')
MOST: Final = 500
"""Files of a folder that are looked at."""


@dataclass(frozen=True)
class Params:
    path: str
    """The file, or the folder."""


def run(params: Params, job: Job) -> None:
    """Leave every reading: format, the folder that its files lie in, and these by their places; and the failures."""
    path = Path(params.path)
    readings, said = _readings(path)
    if not readings and path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.is_symlink())
        if len(files) > MOST:
            raise StepError(f'{path.name}: a folder of {len(files)} files; name the one that is the model')
        for file in files:
            found, more = _readings(file)
            readings, said = readings + found, said + more
    untold = [format for format, source in SOURCES.items() if not hasattr(source, 'recognise')]
    (job.output / 'answer.json').write_text(json.dumps({'readings': readings, 'said': said, 'untold': untold}))


def _readings(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    readings, said = [], []
    folder = path if path.is_dir() else path.parent
    for format, source in SOURCES.items():
        look = getattr(source, 'recognise', None)
        try:
            files = look(path) if look else {}
        except Exception as error:  # a damaged file of this format: the words go to the user when no other fits
            said.append(f'{format}: {error}')
            continue
        if files:
            readings.append({'format': format, 'folder': str(folder), 'files': files})
    return readings, said
