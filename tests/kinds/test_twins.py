"""The twins of the comparison's nets answer as the torch nets do."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETS = ('resnet18', 'super_resolution', 'voice_recognition', 'bert_base')
CHILD = """
import importlib, json, sys
import numpy as np, torch
net, framework, root = sys.argv[1:]
sys.path[:0] = [root, root + '/recipes/models']
module = importlib.import_module(net).build()
weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
random = np.random.default_rng(0)
shape = {'resnet18': (3, 3, 224, 224), 'super_resolution': (3, 1, 224, 224), 'voice_recognition': (3, 400, 80)}
if net == 'bert_base':
    feed = [random.integers(1000, 30000, (3, 20)), np.ones((3, 20), np.int64)]
    feed[1][1, 12:] = 0
else:
    feed = [random.normal(size=shape[net]).astype(np.float32)]
with torch.no_grad():
    wanted = module(*map(torch.tensor, feed)).numpy()
twin = importlib.import_module(f'kinds._{framework}_nets').NETS[net](weights)
if framework == 'keras':
    got = np.asarray(twin(feed if len(feed) > 1 else feed[0], training=False))
else:
    import paddle
    twin.eval()
    got = twin(*map(paddle.to_tensor, feed)).numpy()
print(json.dumps([float(np.abs(got - wanted).max()), float(np.abs(wanted).max())]))
"""


@pytest.mark.slow
@pytest.mark.parametrize('net', NETS)
@pytest.mark.parametrize(
    'framework',
    [pytest.param('keras', marks=pytest.mark.tensorflow), pytest.param('paddle', marks=pytest.mark.paddle)],
)
def test_a_twin_answers_as_the_torch_net_does(net: str, framework: str) -> None:
    if missing := [name for name in ('torch', framework) if importlib.util.find_spec(name) is None]:
        pytest.skip(f'not installed: {", ".join(missing)}')

    done = subprocess.run(
        [sys.executable, '-c', CHILD, net, framework, str(ROOT)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-2000:]
    furthest, largest = json.loads(done.stdout.splitlines()[-1])
    assert furthest < 1e-5 * largest
