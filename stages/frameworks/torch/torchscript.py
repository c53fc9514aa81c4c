"""TorchScript archives whose bytes depend on the model alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def write_stripped(module: torch.jit.ScriptModule, path: Path) -> None:
    """
    Write ``module`` without its debug records.

    They hold the source paths of the machine, and are the only part (with an id made from them) that differs from
    checkout to checkout. Errors inside the loaded model then name no source line.
    """
    import torch

    raw = path.with_suffix('.raw')
    module.save(str(raw))
    reader = torch._C.PyTorchFileReader(str(raw))
    writer = torch._C.PyTorchFileWriter(str(path))
    for name in reader.get_all_records():
        # the writer adds version and id of its own
        if not name.endswith('.debug_pkl') and name not in ('version', '.data/version', '.data/serialization_id'):
            record = reader.get_record(name)
            writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    del reader, writer
    raw.unlink()
