"""The loader on another kind of machine, emulated: what is pulled there answers as NumPy does here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.soak
@pytest.mark.network
@pytest.mark.onnx
@pytest.mark.tvm
def test_an_onnx_model_and_a_library_of_tvm_are_pulled_and_run_on_aarch64(tmp_path: Path) -> None:
    for needed in ('qemu-aarch64-static', 'apt-get', 'dpkg-deb'):
        if shutil.which(needed) is None:
            pytest.skip(f'needs {needed}: apt install qemu-user-static, on Debian or Ubuntu')

    command = [sys.executable, 'benchmarks/aarch64.py', '--scratch', str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)

    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line for line in done.stdout.splitlines() if ' aarch64 ' in line]
    assert [row.split('`')[1] for row in rows] == ['onnxruntime', 'tvm']
