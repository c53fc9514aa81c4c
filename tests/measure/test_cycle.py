from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stages.errors import StepError
from stages.feed.npz import write_npz
from stages.launch import Launcher
from stages.measure.cycle import cycle
from stages.measure.noise import of_variant
from stages.measure.samples import cycle_of
from stages.measure.spawn import spawn_cycle
from tests.measure.fakes import Fake, request


@pytest.fixture(autouse=True)
def affinity_restored():
    import os

    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def slow(x):
    time.sleep(0.005)
    return (x * 2,)


def test_a_call_that_sleeps_5_ms_never_takes_less(tmp_path: Path) -> None:
    found = cycle(request(tmp_path), {'fake': Fake(slow)})
    assert len(found['time_ns']) == 5
    assert min(found['time_ns']) >= 4_900_000
    assert len(found['warmup_ns']) == 2
    assert found['first_ns'] >= 4_900_000


def test_a_call_that_allocates_64_mib_shows_them_in_every_peak(tmp_path: Path) -> None:
    def hungry(x):
        return (x + np.ones(64 << 20, dtype=np.uint8)[0],)

    found = cycle(request(tmp_path), {'fake': Fake(hungry)})
    assert found['peak_per_repetition'] and len(found['peak_rss_bytes']) == 5
    for peak in found['peak_rss_bytes']:
        assert 60 << 20 < peak - found['rss_end_bytes'] < 72 << 20


def test_an_output_that_is_no_number_is_an_answer_like_any_other(tmp_path: Path) -> None:
    assert cycle(request(tmp_path), {'fake': Fake(lambda x: (x * np.nan,))})['time_ns']


def test_an_output_that_changes_for_the_same_input_voids_the_cycle(tmp_path: Path) -> None:
    calls = iter(range(1000))
    with pytest.raises(StepError, match='another output'):
        cycle(request(tmp_path), {'fake': Fake(lambda x: (x + next(calls),))})


def test_an_answer_that_is_wrong_every_tenth_time_voids_the_cycle(tmp_path: Path) -> None:
    calls = iter(range(1000))
    with pytest.raises(StepError, match=r'another output at call \d+ after the timed ones'):
        # the last call of the timed part and the first after it are right
        cycle(request(tmp_path, repetitions=7), {'fake': Fake(lambda x: (x + (next(calls) % 10 == 9),))})


def test_of_a_slow_model_two_feeds_are_asked_again_of_a_quick_one_all_eight(tmp_path: Path) -> None:
    asked = {'slow': 0, 'quick': 0}

    def answer(name, seconds, x):
        asked[name] += 1
        time.sleep(seconds)
        return (x,)

    for name, seconds in (('slow', 0.15), ('quick', 0.001)):
        cycle(request(tmp_path, repetitions=1), {'fake': Fake(partial(answer, name, seconds))})
    assert asked['slow'] - 4 == asked['quick'] - 16


def test_an_engine_that_sleeps_allocates_and_leaks_is_measured_and_told_as_that(tmp_path: Path) -> None:
    kept: list[np.ndarray] = []

    def bad(x):
        time.sleep(0.005)
        kept.append(np.ones(1 << 20, dtype=np.uint8))
        return (x + np.ones(64 << 20, dtype=np.uint8)[0],)

    taken = cycle(request(tmp_path, repetitions=20), {'fake': Fake(bad)})
    told = {doubt.kind: doubt for doubt in of_variant([cycle_of(taken)], {'clock': {'resolution_seconds': 1e-9}})}
    assert min(taken['time_ns']) >= 4_900_000
    assert told['leak'].degree == pytest.approx(1 << 20, rel=0.05)
    assert 'grows by 1.0' in told['leak'].sentence and 'it leaks' in told['leak'].sentence
    assert 60 << 20 < taken['peak_rss_bytes'][0] - taken['rss_first_bytes'] < 100 << 20
    assert told['busy'].grave  # who sleeps had not the CPU


def test_an_engine_that_keeps_its_memory_does_not_leak(tmp_path: Path) -> None:
    taken = cycle(request(tmp_path, repetitions=20), {'fake': Fake(lambda x: (x * np.ones(3, np.float32),))})
    assert not [d for d in of_variant([cycle_of(taken)], {'clock': {'resolution_seconds': 1e-9}}) if d.kind == 'leak']


def test_every_variant_gets_the_same_eight_inputs_in_turn(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def watch(x):
        seen.append(x.tobytes())
        return (x,)

    one = cycle(request(tmp_path, repetitions=8), {'fake': Fake(watch)})
    assert len(set(seen)) == 8
    assert one['inputs_sha256'] == cycle(request(tmp_path), {'fake': Fake(slow)})['inputs_sha256']


def test_samples_that_are_not_fed_are_no_memory_of_the_model(tmp_path: Path) -> None:
    write_npz(tmp_path / 'many.npz', {'x': np.ones((8 << 20, 3), np.float32)})  # 96 MiB
    taken = cycle(request(tmp_path, inputs=str(tmp_path / 'many.npz')), {'fake': Fake(lambda x: (x,))})

    assert max(taken['peak_rss_bytes']) - taken['rss_load_bytes'] < 20 << 20


def test_a_long_call_is_measured_by_the_process_that_was_to_calibrate_it(tmp_path: Path) -> None:
    fed: list[bytes] = []

    def long(x):
        fed.append(x.tobytes())
        time.sleep(0.05)
        return (x,)

    found = cycle(request(tmp_path, repetitions=3, inner=0, warmup_seconds=0.2), {'fake': Fake(long)})
    assert found['inner'] == 1 and len(found['time_ns']) == 3
    warm = len(found['warmup_ns'])
    assert sum(found['warmup_ns']) >= 190_000_000  # as long as that of any cycle
    assert len(fed) == 1 + warm + 3 + 3 + 2 * 4  # the first, to warm up, timed, for memory, and four feeds again


def test_inner_0_only_calibrates(tmp_path: Path) -> None:
    found = cycle(request(tmp_path, inner=0), {'fake': Fake(lambda x: (x,))})
    assert list(found) == ['inner', 'call_ns'] and found['inner'] > 1


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    made = Launcher(tmp_path / 'servers')
    yield made
    made.close()


@pytest.mark.onnx
def test_a_cycle_of_an_onnx_model_runs_in_a_process_of_its_own(tmp_path: Path, launcher: Launcher) -> None:
    asked = request(tiny_onnx(tmp_path / 'model'), engine='onnxruntime', inner=3)
    found = spawn_cycle(asked, tmp_path / 'work', launcher, 60)
    assert len(found['time_ns']) == 5
    assert found['rss_import_bytes'] > found['rss_start_bytes']
    assert found['peak_per_repetition'] and len(found['peak_rss_bytes']) == 5  # though it is confined
    assert not (tmp_path / 'work/result.json.part').exists()
    assert found['padding'] == spawn_cycle(asked, tmp_path / 'work', launcher, 60)['padding']


def test_a_cycle_that_fails_says_why_with_its_log(tmp_path: Path, launcher: Launcher) -> None:
    broken = request(tmp_path / 'model', engine='nothing')
    with pytest.raises(StepError, match=r'ended with exit code 1(.|\n)*KeyError'):
        spawn_cycle(broken, tmp_path / 'work', launcher, 60)


@pytest.mark.onnx
def test_a_cycle_that_takes_too_long_is_killed(tmp_path: Path, launcher: Launcher) -> None:
    endless = request(tiny_onnx(tmp_path / 'model'), engine='onnxruntime', warmup_seconds=600)
    with pytest.raises(StepError, match=r'longer than its limit of 1 s and was stopped'):
        spawn_cycle(endless, tmp_path / 'work', launcher, 1)


def tiny_onnx(folder: Path) -> Path:
    """Write y = x + x."""
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ['batch', 3]) for n in 'xy')
    graph = onnx.helper.make_graph([onnx.helper.make_node('Add', ['x', 'x'], ['y'])], 'double', [x], [y])
    opset = [onnx.helper.make_opsetid('', 17)]
    folder.mkdir(parents=True)
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), folder / 'model.onnx')
    return folder
