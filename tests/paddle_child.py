"""Answers requests that need Paddle, one after the other: each a line of JSON, a word and a path.

    models FOLDER      write FOLDER/MODEL/model.json (or .pdmodel where FLAGS_enable_pir_api=0) and model.pdiparams
    engine REQUEST     load with the paddle engine, run the feeds of an .npz, write another
    kind REQUEST       run a kind in this Python

A request is a JSON file. The answer is a line of JSON: what was found, or the error's class and message.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # a locked environment does not have the project

from stages.contract.port import contract_json, contract_of


def models(folder: Path) -> None:
    import paddle
    from paddle.static import InputSpec

    class Net(paddle.nn.Layer):  # type: ignore[misc]
        """Two inputs, two outputs, and a shape put together from a scalar and a vector of one, as old models have."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = paddle.nn.Conv2D(3, 8, 3, padding=1)
            self.norm = paddle.nn.BatchNorm2D(8)
            self.head = paddle.nn.Linear(8, 5)

        def forward(self, image: Any, scale: Any) -> Any:
            maps = paddle.nn.functional.hardswish(self.norm(self.conv(image)))
            pooled = paddle.nn.functional.adaptive_avg_pool2d(maps, 1)
            flat = paddle.reshape(pooled, [paddle.shape(pooled)[0], paddle.full([1], 8, 'int32')])
            return self.head(flat) * scale, flat

    class Unknown(paddle.nn.Layer):  # type: ignore[misc]
        """An operator that has no ONNX form."""

        def __init__(self) -> None:
            super().__init__()
            self.head = paddle.nn.Linear(4, 4)

        def forward(self, image: Any) -> Any:
            return paddle.linalg.qr(self.head(image))[0]

    paddle.seed(1)
    image, scale = InputSpec([None, 3, 16, 16], 'float32', 'image'), InputSpec([None, 1], 'float32', 'scale')
    for name, net, specs in (
        ('net', Net(), [image, scale]),
        ('one', paddle.nn.Linear(4, 2), [InputSpec([None, 4], 'float32', 'x')]),
        ('unknown', Unknown(), [InputSpec([None, 4, 4], 'float32', 'image')]),
    ):
        net.eval()
        paddle.jit.save(net, str(folder / name / 'model'), input_spec=specs)


def engine(request: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from stages.engines import paddle

    paddle.prepare()
    contract = contract_of(request['contract'])
    session = paddle.load(Path(request['folder']), contract, paddle.Options(**request['options']), request['threads'])
    with np.load(request['feeds']) as stored:
        arrays = {name: stored[name] for name in stored.files}
    results = []
    for number in range(request['count']):
        feed = {port.name: arrays[f'{number}.{port.name}'] for port in contract.inputs}
        for array in feed.values():
            array.setflags(write=False)
        results.append(session.run(feed))  # written only at the end, so that a reused buffer would show
    np.savez(request['results'], **{f'{n}.{name}': a for n, row in enumerate(results) for name, a in row.items()})
    return {'outputs': [list(row) for row in results]}


def kind(request: dict[str, Any]) -> dict[str, Any]:
    from stages.contract.job import Job

    module = importlib.import_module(request['module'])
    output = Path(request['output'])
    output.mkdir(parents=True)
    inputs = {role: Path(path) for role, path in request['inputs'].items()}
    params = module.Params(**request['params'])
    made = module.run(params, Job(inputs, output, contract_of(request['contract']), lambda fraction, words: None))
    files = sorted(path.name for path in output.iterdir())
    return {'files': files, 'promised': sorted(module.outputs(params)), 'contract': contract_json(made)}


def answer(word: str, path: Path) -> dict[str, Any]:
    try:
        if word == 'models':
            models(path)
            return {}
        return {'engine': engine, 'kind': kind}[word](json.loads(path.read_text()))
    except Exception as error:
        return {'error': type(error).__name__, 'message': str(error)}


def main() -> None:
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # nothing but answers there, whatever Paddle prints
    for line in sys.stdin:
        word, path = json.loads(line)
        print(json.dumps(answer(word, Path(path))), file=answers, flush=True)


if __name__ == '__main__':
    main()
