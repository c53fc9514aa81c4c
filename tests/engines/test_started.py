"""Calls that an engine works on by itself: equal answers, several at once, errors that reach their caller, an end."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

import stages
from stages.document.manifest import File, manifest_json
from stages.engines.started import Starter
from stages.errors import FeedError, StepError
from tests.deliver.samples import manifest

np = pytest.importorskip('numpy')


class Slow:
    """An engine with two places: each call waits until it is let go, and fails where it is fed a word."""

    count = 2

    def __init__(self) -> None:
        self.go = threading.Event()
        self.at_once: list[int] = []
        self.inside: set[int] = set()

    def begin(self, place: int, feed: Any, tell: Any) -> None:
        if feed == 'refused':
            raise ValueError('refused')

        def work() -> None:
            self.inside.add(place)
            self.at_once.append(len(self.inside))
            self.go.wait(10)
            self.inside.discard(place)
            if feed != 'silent':
                tell(feed)

        self.silent = feed == 'silent'
        threading.Thread(target=work).start()

    def end(self, place: int, told: Any) -> Any:
        if told is None:
            raise RuntimeError('it failed without a word')
        return {'answer': told}

    def ended(self, place: int) -> bool:
        return self.silent and not self.inside


def test_as_many_calls_are_in_flight_as_there_are_places_and_the_others_wait_their_turn():
    engine = Slow()
    starter = Starter(engine)

    futures = [starter.submit(number) for number in range(5)]
    time.sleep(0.05)
    assert sorted(engine.inside) == [0, 1] and not any(future.done() for future in futures)
    engine.go.set()

    assert [future.result(10)['answer'] for future in futures] == [0, 1, 2, 3, 4]
    assert max(engine.at_once) == 2
    starter.stop()


def test_a_call_that_waits_can_be_cancelled_and_one_that_fails_says_why():
    engine = Slow()
    starter = Starter(engine)
    held = [starter.submit(number) for number in range(2)]
    waiting, refused = starter.submit('late'), starter.submit('refused')

    assert waiting.cancel()
    engine.go.set()

    assert [future.result(10)['answer'] for future in held] == [0, 1]
    with pytest.raises(CancelledError):
        waiting.result(10)
    with pytest.raises(ValueError, match='refused'):
        refused.result(10)
    with pytest.raises(RuntimeError, match='without a word'):
        starter.submit('silent').result(10)
    starter.stop()


def test_the_end_waits_for_what_is_under_way_and_refuses_what_comes_later():
    engine = Slow()
    starter = Starter(engine)
    futures = [starter.submit(number) for number in range(3)]
    threading.Timer(0.1, engine.go.set).start()

    starter.stop()

    assert all(future.done() for future in futures)
    with pytest.raises(StepError, match='is closed'):
        starter.submit(9)


NET = 'net (float[batch, 4] row) => (float[batch, 3] scores) { scores = MatMul(row, w) }'
THREES = """net (float[batch, 4] row) => (float[n, 3] scores)
   <int64[2] by = {-1, 3}> { scores = Reshape(row, by) }"""


def artifact(folder: Path, engine: str, threads: int, net: str = NET, **options: Any) -> Path:
    """Leave an artifact: rows times a seeded matrix, some rows at a time."""
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    weights = np.random.default_rng(3).standard_normal((4, 3)).astype('float32')
    graph = onnx.parser.parse_graph(net)
    if net == NET:
        graph.initializer.append(onnx.numpy_helper.from_array(weights, 'w'))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    folder.mkdir()
    if engine == 'openvino':
        ov = pytest.importorskip('openvino', reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')
        onnx.save(model, folder.parent / 'net.onnx')
        ov.save_model(ov.convert_model(folder.parent / 'net.onnx'), folder / 'model.xml', compress_to_fp16=False)
    else:
        onnx.save(model, folder / 'model.onnx')
    from stages.contract.port import Port

    scores = Port('scores', ('batch', 3), 'float32', batch=0) if net == NET else Port('scores', ('n', 3), 'float32')
    said = manifest(
        (Port('row', ('batch', 4), 'float32', batch=0),), (scores,),
        files={path.name: File('', path.stat().st_size) for path in folder.iterdir()}, engine=engine,
        model_format={'openvino': 'openvino', 'onnxruntime': 'onnx'}[engine], threads=threads, options=options,
    )  # fmt: skip
    (folder / 'manifest.json').write_text(json.dumps(manifest_json(said)))
    np.savez(folder.parent / 'right.npz', weights=weights)
    return folder


ENGINES = [
    pytest.param('openvino', {'hint': 'throughput', 'streams': 2}, marks=pytest.mark.openvino),
    pytest.param('openvino', {'hint': 'latency', 'requests': 3}, marks=pytest.mark.openvino),
    pytest.param('onnxruntime', {}, marks=pytest.mark.onnx),
]


@pytest.mark.parametrize(('engine', 'options'), ENGINES)
def test_what_an_engine_starts_itself_answers_as_a_call_that_waits(engine, options, tmp_path):
    feeds = [np.random.default_rng(n).standard_normal((1 + n % 3, 4)).astype('float32') for n in range(40)]
    with stages.load(artifact(tmp_path / 'net', engine, 3, **options)) as model:
        weights = np.load(tmp_path / 'right.npz')['weights']
        waited = [model.run(row=feed)['scores'] for feed in feeds]

        started = [model.submit(row=feed) for feed in feeds]

        assert type(model._started) is Starter  # not threads of ours
        for feed, one, future in zip(feeds, waited, started, strict=True):
            assert np.array_equal(future.result(30)['scores'], one)
            assert np.allclose(one, feed @ weights, atol=1e-5)


@pytest.mark.parametrize(('engine', 'options'), ENGINES)
def test_an_event_loop_serves_many_at_once_and_a_wrong_feed_fails_alone(engine, options, tmp_path):
    async def serve(model: Any) -> list[Any]:
        calls = [model.run_async(row=np.full((1, 4), n, 'float32')) for n in range(20)]
        return await asyncio.gather(*calls, model.run_async(row=np.zeros((1, 5), 'float32')), return_exceptions=True)

    with stages.load(artifact(tmp_path / 'net', engine, 2, **options)) as model:
        *answers, wrong = asyncio.run(serve(model))
        weights = np.load(tmp_path / 'right.npz')['weights']

    assert isinstance(wrong, FeedError)
    for number, answer in enumerate(answers):
        assert np.allclose(answer['scores'], np.full((1, 4), number) @ weights, atol=1e-4)


@pytest.mark.openvino
def test_a_model_that_is_forgotten_ends_its_requests(tmp_path):
    model = stages.load(artifact(tmp_path / 'net', 'openvino', 2))
    future = model.submit(row=np.ones((1, 4), 'float32'))
    gone = weakref.ref(model.session)
    future.result(30)

    del model
    gc.collect()

    assert gone() is None


@pytest.mark.openvino
def test_a_process_that_ends_with_calls_under_way_ends_well(tmp_path):
    folder = artifact(tmp_path / 'net', 'openvino', 2, hint='throughput')
    code = (
        'import numpy, stages, sys; model = stages.load(sys.argv[1]); '
        '[model.submit(row=numpy.ones((1, 4), "float32")) for _ in range(200)]; print("begun")'
    )

    done = subprocess.run([sys.executable, '-c', code, str(folder)], capture_output=True, text=True, timeout=100)

    assert (done.returncode, done.stdout, done.stderr) == (0, 'begun\n', '')


@pytest.mark.parametrize(('engine', 'options'), ENGINES)
def test_what_fails_inside_the_engine_is_told_and_the_next_call_goes_on(engine, options, tmp_path):
    with stages.load(artifact(tmp_path / 'net', engine, 2, THREES, **options)) as model:
        broken = model.submit(row=np.ones((2, 4), 'float32'))  # eight numbers are no rows of three
        good = model.submit(row=np.ones((3, 4), 'float32'))

        with pytest.raises(Exception, match='hape'):
            broken.result(30)
        assert good.result(30)['scores'].shape == (4, 3)
