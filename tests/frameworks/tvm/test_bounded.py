"""An index out of range ends no process: whoever feeds a library cannot stop it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

for name in ('tvm', 'ziglang', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

import numpy as np  # noqa: E402

from tests.frameworks.tvm.onnx_nets import assert_same, built, model, node, numbers  # noqa: E402

pytestmark = pytest.mark.tvm
ROOT = Path(__file__).parents[3]
FAR = 900_000_000

FEEDS = """
import sys
from pathlib import Path
import numpy as np
sys.path[:0] = {paths!r}
from tests.frameworks.tvm.onnx_nets import ran
for folder in sys.argv[1:]:
    feed = dict(np.load(Path(folder, 'feed.npz')))
    print(Path(folder).name, [array.shape for array in ran(Path(folder), feed)])
"""


def look_ups(at):
    """Return every operator that reads or writes where its input ``at`` says, with what else it is fed."""
    return {
        'Gather': (node('Gather', ['x', 'at'], ['out']), {'at': at}),
        'Gather of columns': (node('Gather', ['x', 'at'], ['out'], axis=1), {'at': at.astype('int32')}),
        'GatherElements': (node('GatherElements', ['x', 'at'], ['out'], axis=1), {'at': at[None]}),
        'GatherND': (node('GatherND', ['x', 'at'], ['out']), {'at': np.stack([at, at], 1)}),
        'ScatterElements': (
            node('ScatterElements', ['x', 'at', 'new'], ['out']), {'at': at[None], 'new': numbers(1, len(at))},
        ),
        'ScatterND': (
            node('ScatterND', ['x', 'at', 'new'], ['out'], reduction='add'),
            {'at': at[:, None], 'new': numbers(len(at), 30)},
        ),
    }  # fmt: skip


def test_indices_in_range_count_from_both_ends(tmp_path):
    for name, (operator, fed) in look_ups(np.array([0, 19, -1, 7])).items():
        feed = {'x': numbers(20, 30)} | fed
        assert_same(model([operator], feed, ['out'], opset=18), feed, tmp_path / name)


def test_indices_out_of_range_end_no_process(tmp_path):
    folders = []
    for name, (operator, fed) in look_ups(np.array([FAR, -FAR, 3, 20])).items():
        feed = {'x': numbers(20, 30)} | fed
        built(model([operator], feed, ['out'], opset=18), feed, tmp_path / name)
        np.savez(tmp_path / name / 'feed.npz', **feed)
        folders.append(str(tmp_path / name))

    code = FEEDS.format(paths=[str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run([sys.executable, '-c', code, *folders], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count('\n') == len(folders)
