"""From a release to what a server reads: the table of the layouts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from stages.deliver.export import kserve, mlflow, openvino_model_server, triton
from stages.deliver.export.served import Layout, Served, settle
from stages.deliver.place import artifact_in
from stages.deliver.release import RECORD
from stages.document.manifest import read_manifest
from stages.errors import IntegrityError
from stages.layout.problems import manifest_problems

LAYOUTS: Final[dict[str, Layout]] = {
    'triton': triton,
    'openvino-model-server': openvino_model_server,
    'kserve': kserve,
    'mlflow': mlflow,
}


def export(folder: Path, layout: str, to: Path, *, version: int = 1, max_batch: int = 0, uri: str = '') -> list[str]:
    """Write the artifact or release in ``folder`` below ``to`` as a server reads it; return what to know.

    Raises IntegrityError when it is not as its manifest says, UnsupportedError when the server does not run it,
    StepError when another file is in the way: nothing is written then.
    """
    artifact = artifact_in(folder)
    if (artifact / RECORD).is_file():
        from stages.deliver.release_files import check

        check(artifact)
    elif problems := manifest_problems(artifact):
        raise IntegrityError('\n'.join(map(str, problems[:5])))
    served = Served(artifact, read_manifest(artifact), version, max_batch, uri)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix='.export.') as home:
        new = Path(home, to.name)
        new.mkdir()
        notes = LAYOUTS[layout].write(served, new)
        settle(new, to)
    return notes
