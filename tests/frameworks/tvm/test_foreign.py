"""A library for another machine says so, and runs under an emulator where there is one, with the same result."""

from __future__ import annotations

from dataclasses import replace

import pytest

np = pytest.importorskip('numpy')
pytest.importorskip('tvm', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

from stages.contract.engine import FOREIGN_FOLDER  # noqa: E402
from stages.contract.port import Port  # noqa: E402
from stages.engines import tvm as engine  # noqa: E402
from stages.errors import ForeignError, StepError  # noqa: E402
from stages.frameworks.tvm.emit import library  # noqa: E402
from stages.frameworks.tvm.emit.library import Library  # noqa: E402
from stages.frameworks.tvm.foreign import emulated, prepared  # noqa: E402

pytestmark = pytest.mark.tvm

HERE = Library(
    'x86-64-v2', 'linux', 'x86_64', 'x86_64-linux-gnu', ('sse4_2',), (Port('a', (1, 2), 'float32'),),
    (Port('b', (1, 2), 'float32'),), 3, 'rule', {'all': 1, 'tuned': 0}, {},
)  # fmt: skip


@pytest.fixture
def intel(monkeypatch):
    """A Linux machine with a CPU of the level x86-64-v2."""
    monkeypatch.setattr('platform.machine', lambda: 'x86_64')
    monkeypatch.setattr('platform.system', lambda: 'Linux')
    monkeypatch.setattr(emulated.cpu, 'flags', lambda: frozenset({'sse4_2'}))
    monkeypatch.delenv(FOREIGN_FOLDER, raising=False)


def test_what_is_written_is_read(tmp_path):
    library.write(HERE, tmp_path)

    assert library.read(tmp_path) == HERE


@pytest.mark.parametrize('text', ['', '{}', '[]', '{"format": 2}', '{"format": 1, "target": "x"}'])
def test_a_file_that_is_something_else_is_refused(tmp_path, text):
    (tmp_path / library.FILE).write_text(text)

    with pytest.raises(StepError, match=r'library\.json'):
        library.read(tmp_path)


@pytest.mark.parametrize(
    ('other', 'words'),
    [
        ({}, ''),
        ({'machine': 'aarch64'}, 'aarch64 Linux'),
        ({'system': 'windows'}, 'x86-64 Windows'),
        ({'needs': ('sse4_2', 'avx512f', 'avx512_vnni')}, 'a CPU with avx512f, avx512_vnni'),
    ],
)
def test_it_is_said_in_words_what_a_library_is_for(intel, tmp_path, other, words):
    library.write(replace(HERE, **other), tmp_path)

    assert engine.foreign(tmp_path) == words


@pytest.mark.parametrize(
    ('other', 'words'),
    [
        ({'machine': 'aarch64'}, r'model\.so is for aarch64 Linux; .*qemu-user-static'),
        ({'system': 'windows'}, r'model\.dll is for x86-64 Windows; .*wine64'),
        ({'needs': ('avx512f',)}, r'model\.so is for a CPU with avx512f; run it there'),
        ({'needs': ('avx512f',), 'system': 'windows'}, r'x86-64 Windows, and a CPU with avx512f'),
    ],
)
def test_where_nothing_can_run_it_the_code_is_never_loaded(intel, tmp_path, monkeypatch, other, words):
    monkeypatch.setenv('PATH', '')
    monkeypatch.setattr(
        emulated,
        'FOREIGN',
        {name: replace(each, programs=('no-such-emulator',)) for name, each in emulated.FOREIGN.items()},
    )
    library.write(replace(HERE, **other), tmp_path)

    with pytest.raises(ForeignError, match=words):
        engine.load(tmp_path, HERE.inputs, engine.Options(), 1)


def test_an_emulator_without_the_runtime_names_the_command(intel, tmp_path, monkeypatch):
    program = tmp_path / 'qemu-aarch64'
    program.write_text('')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    library.write(replace(HERE, machine='aarch64'), tmp_path)

    with pytest.raises(ForeignError, match='modelkiln doctor --make linux-aarch64'):
        engine.load(tmp_path, HERE.inputs, engine.Options(), 1)


@pytest.mark.parametrize('dtype', ['float32', 'float16', 'float64', 'int8', 'uint8', 'int32', 'int64', 'bool'])
def test_arrays_survive_the_file_that_the_runner_reads(dtype):
    arrays = [np.arange(6).reshape(2, 3).astype(dtype), np.array(1, dtype), np.zeros((0, 3), dtype)]

    back = emulated.unpacked(emulated.packed(arrays))

    assert [a.dtype for a in back] == [a.dtype for a in arrays]
    assert all(np.array_equal(a, b) for a, b in zip(arrays, back, strict=True))


@pytest.mark.parametrize(('target', 'system'), [('aarch64', 'linux'), ('x86-64-v2', 'windows')])
def test_a_library_for_another_machine_gives_the_same_under_an_emulator(tmp_path, target, system):
    """Needs an emulator, and what ``modelkiln doctor --make`` prepares."""
    name = f'{system}-{"aarch64" if target == "aarch64" else "x86_64"}'
    if prepared.prepared(*name.split('-')) is None:
        pytest.skip(f'needs modelkiln doctor --make {name}, and {FOREIGN_FOLDER} set to where that lies')
    compiled(target, system, tmp_path)
    feed = {'a': np.linspace(-1, 1, 8, dtype='float32').reshape(1, 8), 'n': np.arange(8).reshape(1, 8)}

    session = engine.load(tmp_path, (), engine.Options(), 1)
    power, sums, larger = session.run(feed).values()

    assert isinstance(session, emulated.EmulatedSession)
    assert np.abs(power - np.tan(feed['a'])).max() < 1e-6
    assert np.array_equal(sums, feed['n'] + feed['n']) and sums.dtype == np.int64
    assert np.array_equal(larger, feed['a'] > 0) and larger.dtype == bool


def compiled(name, system, folder):
    """Leave a library of two inputs and three outputs, of three element types."""
    import tvm
    from tvm import relax

    from stages.frameworks.tvm.emit import link
    from stages.frameworks.tvm.target import target_for, tvm_target

    target = target_for(name, system)
    a, n = relax.Var('a', relax.TensorType((1, 8), 'float32')), relax.Var('n', relax.TensorType((1, 8), 'int64'))
    builder = relax.BlockBuilder()
    with builder.function('main', [a, n]):
        with builder.dataflow():
            larger = relax.op.greater(a, relax.const(0.0, 'float32'))
            made = [builder.emit(each) for each in (relax.op.tan(a), relax.op.add(n, n), larger)]
            result = builder.emit_output(relax.Tuple(made))
        builder.emit_func_output(result)
    module = builder.get()
    link.linked(tvm.compile(module, target=tvm_target(target)), target, folder)
    inputs, outputs = library.signature(module, ('tan', 'sums', 'larger'))
    library.write(
        replace(
            HERE, target=name, system=system, machine=target.machine, needs=target.needs, inputs=inputs, outputs=outputs
        ),
        folder,
    )
