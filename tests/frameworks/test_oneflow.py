"""Why there is no road from OneFlow: its last wheel does not start with what it says that it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stages.execute import pythons

SAID = 'ImportError: libcudnn_cnn_infer.so.8: cannot open shared object file: No such file or directory'


@pytest.mark.soak  # a gigabyte is downloaded, for the sentence in docs/roads.md
@pytest.mark.network
def test_the_last_wheel_of_oneflow_asks_for_libraries_that_it_does_not_bring(tmp_path: Path) -> None:
    python = pythons.find('3.10') or pytest.skip('no CPython 3.10 is here')
    subprocess.run([python, '-m', 'venv', tmp_path / 'env'], check=True)
    own = tmp_path / 'env/bin/python'
    subprocess.run([own, '-m', 'pip', 'install', '--quiet', 'oneflow==0.9.0', 'numpy<1.24'], check=True)

    done = subprocess.run([own, '-c', 'import oneflow'], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(SAID)


def test_the_page_of_roads_has_the_words_that_it_ends_with() -> None:
    page = ' '.join((Path(__file__).parents[2] / 'docs/roads.md').read_text('utf-8').split())

    assert SAID in page
