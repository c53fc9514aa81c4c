"""Named arrays as an ``.npz`` whose bytes depend on the arrays alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# NumPy stamps members with the time of writing; a zip cannot hold an earlier date than this one.
_DATE = (1980, 1, 1, 0, 0, 0)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write ``arrays`` to ``path``: sorted, uncompressed, undated, so that equal arrays give equal bytes."""
    import numpy as np

    with zipfile.ZipFile(path, 'x', zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            memory = io.BytesIO()
            np.lib.format.write_array(memory, np.asarray(arrays[name], order='C'), version=(1, 0), allow_pickle=False)
            member = zipfile.ZipInfo(f'{name}.npy', _DATE)
            member.create_system = 3  # the same on every system that writes
            member.external_attr = 0o644 << 16
            archive.writestr(member, memory.getvalue())


def read_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of ``path``; object arrays, which could run code, are refused with ValueError."""
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
