"""What ``tvm-tune`` leaves beside a model: the best schedules of its kernels, for one target."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.errors import StepError
from stages.tvm.target import Target

ABOUT: Final = 'tuning.json'
RECORDS: Final = 'database_tuning_record.json'


@dataclass(frozen=True)
class Records:
    """Schedules that were measured and found better than the rule's."""

    folder: Path
    count: int


def records(folder: Path, target: Target) -> Records | None:
    """Return the schedules in ``folder``, if there are any. Raises StepError when they are for another target."""
    if not (folder / ABOUT).is_file():
        return None
    about = json.loads((folder / ABOUT).read_text(encoding='utf-8'))
    found, wanted = (about['target'], set(about['features'])), (target.name, set(target.needs))
    if found != wanted:
        differ = ', '.join(sorted(found[1] ^ wanted[1]))
        msg = f'tuned for {about["target"]}, to be compiled for {target.name}; they differ in {differ or "name"}'
        raise StepError(f'{msg}\ngive tvm-tune and tvm the same target')
    lines = (folder / RECORDS).read_text(encoding='utf-8').splitlines() if (folder / RECORDS).is_file() else []
    count = sum(1 for line in lines if line.strip())
    return Records(folder, count) if count else None
