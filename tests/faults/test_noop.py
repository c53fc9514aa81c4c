"""24: a run that has nothing to do loads nothing heavy and is quick."""

from __future__ import annotations

import importlib.util
import time

import pytest

from stages.execute.project import open_project
from tests.faults.conftest import ROOT

ALLOWED = 6.0
"""Times what ``import doit`` takes, for 1,000 steps: what the fault suite allows on any machine."""


def noop():
    """Return the benchmark of the no-op as a module: it makes the project and takes the times."""
    spec = importlib.util.spec_from_file_location('noop', ROOT / 'benchmarks' / 'noop.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_fault_24_a_run_that_has_nothing_to_do_imports_nothing_heavy_and_is_quick(tmp_path):
    benchmark = noop()
    project = benchmark.generate(tmp_path)
    assert len(open_project(tmp_path).plan.steps) == len(project.plan.steps) >= 1000

    assert benchmark.imported(tmp_path) == []
    assert min(ours / bare for ours, bare in benchmark.ratios(tmp_path, 3)) <= ALLOWED


def test_fault_24_a_second_run_does_nothing(chain):
    assert chain.doit()[0] == 0
    assert chain.ran() == ['a', 'b', 'c']
    assert chain.artifact().read_text() == 'ABC'
    before = time.time_ns()

    code, text = chain.doit()

    assert code == 0
    assert chain.ran() == []
    assert 'built' not in text
    assert not [path for path in chain.root.rglob('*.txt') if path.stat().st_mtime_ns > before]
