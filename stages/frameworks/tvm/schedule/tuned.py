"""What ``tvm-tune`` leaves beside a model: the best schedules of its kernels, for one target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from stages.errors import StepError
from stages.frameworks.tvm.target import Target

ABOUT: Final = 'tuning.json'
RECORDS: Final = 'database_tuning_record.json'


def records(folder: Path, target: Target) -> Path | None:
    """Return ``folder`` if it has schedules that beat the rule's. Raises StepError when they are for another target."""
    if not (folder / ABOUT).is_file():
        return None
    about = json.loads((folder / ABOUT).read_text(encoding='utf-8'))
    found, wanted = (about['target'], set(about['features'])), (target.name, set(target.needs))
    if found != wanted:
        differ = ', '.join(sorted(found[1] ^ wanted[1]))
        msg = f'tuned for {about["target"]}, to be compiled for {target.name}; they differ in {differ or "name"}'
        raise StepError(f'{msg}\ngive tvm-tune and tvm the same target')
    lines = (folder / RECORDS).read_text(encoding='utf-8').splitlines() if (folder / RECORDS).is_file() else []
    return folder if any(line.strip() for line in lines) else None
