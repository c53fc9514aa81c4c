"""A loaded model as its caller meets it: samples, state, floats, threads, its end."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from stages.contract.port import Port, Quantization
from stages.errors import FeedError, StepError
from tests.deliver.samples import IMAGE, SCORES, manifest, opened, scores

IMAGES = np.random.default_rng(0).standard_normal((5, 3, 4)).astype('float32')


def test_any_number_of_samples_goes_through_an_artifact_that_takes_two():
    two = replace(IMAGE, shape=(2, 3, 'side'), batch=0)
    model = opened(manifest((two,), (replace(SCORES, shape=(2, 2), batch=0),)))

    found = model.run(image=IMAGES)

    assert [len(feed['image']) for feed in model.session.fed] == [2, 2, 2]
    assert np.array_equal(found['scores'], scores({'image': IMAGES})['scores'])


def test_answers_without_an_axis_of_samples_are_not_joined():
    model = opened(
        manifest((replace(IMAGE, shape=(1, 3, 'side'), batch=0),), (Port('boxes', ('found', 4), 'float32'),))
    )

    with pytest.raises(FeedError, match='5 samples, where the artifact takes 1 in a call; boxes has no axis'):
        model.run(image=IMAGES)


def counting(feed):
    return {'last': feed['state'] + feed['step'], 'sum': (feed['state'] + feed['step']).sum()}


STATEFUL = manifest(
    (Port('step', ('batch', 2), 'float32'), Port('state', ('batch', 2), 'float32', carries='last')),
    (Port('last', ('batch', 2), 'float32'), Port('sum', (), 'float32')),
)


def test_a_stream_carries_state_and_calls_alone_start_from_zeros():
    model, step = opened(STATEFUL, counting), np.ones((3, 2), 'float32')
    one, other = model.stream(), model.stream()

    assert [float(one.run(step=step)['sum']) for _ in range(3)] == [6, 12, 18]
    assert float(other.run(step=step)['sum']) == float(model.run(step=step)['sum']) == 6
    one.reset()
    assert float(one.run(step=step)['sum']) == 6


def test_floats_go_in_and_out_of_a_quantized_model_when_asked():
    held = Quantization((0.5,), (10,))
    channels = Quantization((0.1, 0.2), (0, 1), axis=1)
    said = manifest(
        (Port('x', ('batch', 2), 'uint8', quantization=held),),
        (Port('y', ('batch', 2), 'int8', quantization=channels),),
    )
    model = opened(said, lambda feed: {'y': (feed['x'].astype('int32') - 10).astype('int8')}, floats=True)

    found = model.run(x=np.array([[1.0, -200.0]], 'float32'))['y']

    assert model.session.fed[0]['x'].tolist() == [[12, 0]]  # 1 / 0.5 + 10, and the least that there is
    assert np.allclose(found, [[2 * 0.1, (-10 - 1) * 0.2]])
    assert [port.dtype for port in (*model.inputs, *model.outputs)] == ['float32', 'float32']
    with pytest.raises(FeedError, match='x: holds NaN or an infinity; uint8 has neither'):
        model.run(x=np.array([[np.nan, 0]], 'float32'))
    assert opened(said, lambda feed: {'y': feed['x']}).run(x=np.array([[1, 2]], 'uint8'))['y'].dtype == 'uint8'


@pytest.mark.parametrize(('concurrent', 'most'), [(True, 4), (False, 1)])
def test_calls_run_together_where_the_engine_lets_them_and_else_take_turns(concurrent, most):
    inside, seen = [], []

    def slow(feed):
        inside.append(1)
        seen.append(len(inside))
        time.sleep(0.02)
        until = time.monotonic() + 5
        while len(seen) < most and time.monotonic() < until:  # a busy machine begins threads late
            time.sleep(0.001)
        inside.pop()
        return scores(feed)

    model = opened(manifest((IMAGE,)), slow, concurrent=concurrent)
    callers = [threading.Thread(target=model.run, args=({'image': IMAGES},)) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert max(seen) == most


def test_an_event_loop_goes_on_while_a_model_answers():
    model, ticks = opened(manifest((IMAGE,)), lambda feed: time.sleep(0.1) or scores(feed)), []

    async def serve():
        asked = asyncio.ensure_future(model.run_async(image=IMAGES))
        while not asked.done():
            ticks.append(1)
            await asyncio.sleep(0.01)
        return await asked

    assert np.array_equal(asyncio.run(serve())['scores'], scores({'image': IMAGES})['scores'])
    assert len(ticks) > 3


def test_a_model_warms_up_with_the_sizes_that_it_was_measured_at():
    model = opened(manifest((IMAGE,), sizes={'side': 7}, measured={'batch': 4}))

    model.warm_up(calls=2)

    assert [feed['image'].shape for feed in model.session.fed] == [(4, 3, 7), (4, 3, 7)]


def test_a_closed_model_says_so_and_frees_its_session():
    with opened(manifest((IMAGE,))) as model:
        model.submit(image=IMAGES).result()

    assert model.session is None
    with pytest.raises(StepError, match='net:onnx: is closed'):
        model.run(image=IMAGES)


@pytest.mark.parametrize(
    ('raised', 'kind', 'told'),
    [
        (IndexError('index out of range in self'), FeedError, 'index out of range in self'),
        (RuntimeError('in torch:\nTraceback of TorchScript:\nRuntimeError: no row\n'), StepError, 'no row'),
        (RuntimeError('\nbounds are [0, 6]\nframe #0: abc'), StepError, 'bounds are [0, 6]'),
    ],
)  # fmt: skip
def test_what_an_engine_raises_is_told_in_a_line_with_whose_fault_it_is(raised, kind, told):
    def answer(feed):
        raise raised

    with pytest.raises(kind) as error:
        opened(STATEFUL, answer).run(step=np.ones((1, 2), 'float32'))

    assert str(error.value) == f'net:onnx: onnxruntime cannot answer what it was given: {told}'
    assert error.value.__cause__ is raised
