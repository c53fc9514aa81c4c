"""Tuning: what is measured is kept, what is known is not measured again, what is no better is not taken."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip('tvm', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
pytest.importorskip('xgboost', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
pytestmark = pytest.mark.tvm

ROOT = Path(__file__).parents[3]

# a child: TVM is imported in its own process, as in a step, and may be killed
TUNE = """
import json, os, sys
os.environ['TVM_FFI_DISABLE_TORCH_C_DLPACK'] = '1'   # no torch: a second less
from pathlib import Path
import numpy as np
from onnx import helper, numpy_helper
from tvm.relax.frontend.onnx import from_onnx
from stages.frameworks.tvm import lower, target
from stages.frameworks.tvm.schedule import tuning
from stages.frameworks.tvm.schedule.tuning import database, report
from stages.frameworks.tvm.schedule.tuning import tasks as work

keep, out, trials, name = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

def product(given, made):   # its search thinks for two seconds, that of a convolution for fifty
    return helper.make_node('MatMul', [given, 'w'], [made])

weights = np.random.default_rng(0).standard_normal((64, 64)).astype('float32') / 8
nodes = [product('x', 'y')] if name == 'one' else [helper.make_node('Neg', ['x'], ['n']), product('n', 'y')]
shape = [helper.make_tensor_value_info(n, 1, [16, 64]) for n in 'xy']
graph = helper.make_graph(nodes, name, shape[:1], shape[1:], [numpy_helper.from_array(weights, 'w')])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)

where = target.native()
tasks = work.tasks_of(lower.kernels(from_onnx(model), where), where, database.folder_for(keep, where))
tuning.tune(tasks, where, tuning.Budget(trials, 0.0), 1, lambda fraction, words: print(words, flush=True))
out.mkdir(parents=True, exist_ok=True)
report.leave(tasks, where, trials, out)
print(json.dumps({'done': tuning.done(tasks)}))
"""


def command(keep: Path, out: Path, trials: int, model: str = 'one') -> list[str]:
    return [sys.executable, '-c', TUNE, str(keep), str(out), str(trials), model]


def tune(keep: Path, out: Path, trials: int, model: str = 'one') -> list[str]:
    """Tune to the end; return what it said of its trials, one line each."""
    done = subprocess.run(
        command(keep, out, trials, model), cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if 'trial ' in line]


def trials_in(keep: Path) -> list[str]:
    texts = [path.read_text() for path in sorted(keep.rglob('*.jsonl'))]
    return [line for text in texts for line in text.splitlines() if '"trial"' in line]


@pytest.fixture(scope='module')
def tuned(tmp_path_factory):
    """A folder that holds eight trials, and what the tuning left: one that was killed, and then goes on."""
    root = tmp_path_factory.mktemp('tuned')
    process = subprocess.Popen(
        command(root / 'keep', root / 'out', 8), cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    while len(trials_in(root / 'keep')) < 3:
        assert process.poll() is None, 'it ended before it could be killed'
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (root / 'killed').write_text('\n'.join(trials_in(root / 'keep')))
    tune(root / 'keep', root / 'out', 8)
    return root


def copied(tuned: Path, to: Path) -> Path:
    return Path(shutil.copytree(tuned / 'keep', to / 'keep'))


def test_a_second_tuning_measures_nothing(tuned, tmp_path):
    keep = copied(tuned, tmp_path)
    before = {path: path.read_bytes() for path in keep.rglob('*.jsonl')}

    assert tune(keep, tmp_path / 'out', 8) == []
    assert {path: path.read_bytes() for path in keep.rglob('*.jsonl')} == before
    for name in ('database_workload.json', 'database_tuning_record.json', 'tuning.json'):
        assert (tmp_path / 'out' / name).read_bytes() == (tuned / 'out' / name).read_bytes()


def test_another_model_takes_what_is_known_of_the_same_kernel(tuned, tmp_path):
    keep = copied(tuned, tmp_path)
    tune(keep, tmp_path / 'out', 8, 'two')

    told = json.loads((tmp_path / 'out/tuning.json').read_text())
    assert told['trials']['done'] == 8
    assert len(trials_in(keep)) == 8


def test_a_killed_tuning_goes_on_from_its_last_trial(tuned):
    killed = (tuned / 'killed').read_text().splitlines()

    assert 3 <= len(killed) < 8
    assert trials_in(tuned / 'keep')[: len(killed)] == killed
    assert len(trials_in(tuned / 'keep')) == 8


def test_more_trials_add_the_difference_and_a_torn_line_is_passed_over(tuned, tmp_path):
    keep = copied(tuned, tmp_path)
    path = next(path for path in keep.rglob('*.jsonl') if b'"trial"' in path.read_bytes())
    with path.open('ab') as stream:
        stream.write(b'{"trial":{"cost":0.5,"latency":')

    tune(keep, tmp_path / 'out', 10)

    from stages.frameworks.tvm.schedule.tuning import database

    # the search may give the last ones to another kernel
    found = [database.history(path.parent, path.stem).trials for path in keep.rglob('*.jsonl')]
    assert sum(len(trials) for trials in found) == 10
    assert all(len({trial.name for trial in trials}) == len(trials) for trials in found)  # none was measured twice
    assert [line for line in trials_in(keep) if line in trials_in(tuned / 'keep')] == trials_in(tuned / 'keep')


def test_a_build_takes_a_kernel_that_is_clearly_faster_than_the_rule(tmp_path):
    from stages.frameworks.tvm.schedule import tuning
    from stages.frameworks.tvm.schedule.tuning.database import Final, History, Trial
    from stages.frameworks.tvm.schedule.tuning.tasks import Task

    fast, slow = Trial(['fast'], 0.9e-3, 1.0), Trial(['slow'], 0.99e-3, 1.0)

    def task(final: dict[str, float]) -> Task:
        history = History(tmp_path / 'k', rules=(('r', 1e-3, 1.0),), trials=(slow, fast))
        history = replace(history, finals=(Final('r', final, 1.0),))
        return Task('conv', 1, None, None, 'r', history)

    assert tuning.taken(task({'rule': 1e-3, fast.name: 0.9e-3, slow.name: 0.99e-3})) == fast
    assert tuning.taken(task({'rule': 1e-3, fast.name: 0.97e-3, slow.name: 0.98e-3})) is None  # luck, the first time
    assert tuning.taken(task({'rule': 1e-3, fast.name: 0.9e-3})) is None  # not the last word: slow has no say in it
