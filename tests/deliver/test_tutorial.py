"""What docs/deploy.md tells to type is typed here, in its order, in a project that is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.deliver.policy import read_policy
from tests.small import ROOT, Small

PAGE = (ROOT / 'docs/deploy.md').read_text('utf-8')
SHELL = [block for block in re.findall(r'```sh\n(.*?)```', PAGE, re.DOTALL) if 'photo.npy' not in block]


@pytest.mark.torch
@pytest.mark.slow
def test_every_command_of_the_tutorial_works_and_a_rollback_is_back(small: Small, tmp_path: Path) -> None:
    for package in ('oras', 'cyclonedx', 'model_signing'):
        pytest.importorskip(package, reason='needs modelkiln[release,sign]')
    bin = tmp_path / 'bin'
    bin.mkdir()
    (bin / 'modelkiln').write_text(f'#!/bin/sh\nexec {sys.executable} -m stages.command.main "$@"\n')
    (bin / 'modelkiln').chmod(0o755)
    script = '\n'.join(SHELL).replace('rnet:onnx', 'tiny:onnx').replace('push rnet ', 'push tiny:onnx-int8 ')
    environment = os.environ | {'PATH': f'{bin}:{os.environ["PATH"]}', 'PYTHONPATH': str(ROOT)}

    done = subprocess.run(
        ['bash', '-euc', script], cwd=small.root, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert len(SHELL) == 4
    manifest = (small.root / 'deployed/current/manifest.json').read_bytes()
    assert manifest == (small.artifact('onnx-int8') / 'manifest.json').read_bytes()
    assert (small.root / 'repository/tiny/config.pbtxt').is_file()
    assert {path.name for path in small.root.glob('*')} >= {'repository', 'models', 'cluster', 'mlflow-model'}


def test_the_policy_that_the_tutorial_shows_is_one(tmp_path: Path) -> None:
    [text] = re.findall(r'```toml\n(.*?)```', PAGE, re.DOTALL)
    (tmp_path / 'modelkiln.toml').write_text(text)
    (tmp_path / 'release.pub').write_text('a key')

    policy = read_policy(tmp_path / 'modelkiln.toml')

    assert (policy.keep, policy.signed, policy.plain_http) == (3, True, ('registry.lan:5000',))
