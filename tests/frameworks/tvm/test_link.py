"""Libraries are linked without this system's tools, say what they are, and are refused when they are something else."""

from __future__ import annotations

import subprocess
import sys

import pytest

tvm = pytest.importorskip('tvm', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
pytest.importorskip('ziglang', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

from stages.errors import StepError  # noqa: E402
from stages.frameworks.tvm.emit import binary, link, windows  # noqa: E402
from stages.frameworks.tvm.target import target_for  # noqa: E402

pytestmark = pytest.mark.tvm
PLACES = [('x86-64-v2', 'linux'), ('aarch64', 'linux'), ('x86-64-v2', 'windows')]


def executable(target):
    """Compile one addition and one power, which calls C's mathematics."""
    from tvm import relax

    from stages.frameworks.tvm.target import tvm_target

    builder, a = relax.BlockBuilder(), relax.Var('a', relax.TensorType((1, 8), 'float32'))
    with builder.function('main', [a]):
        with builder.dataflow():
            made = builder.emit_output(relax.op.add(relax.op.tan(a), a))
        builder.emit_func_output(made)
    return tvm.compile(builder.get(), target=tvm_target(target))


@pytest.fixture(scope='module', params=PLACES, ids='-'.join)
def made(request, tmp_path_factory):
    """A library for each place, and its target."""
    target = target_for(*request.param)
    return link.linked(executable(target), target, tmp_path_factory.mktemp('linked')), target


def test_a_library_says_what_it_is_for(made):
    path, target = made

    found = binary.check(path, target)

    assert (found.system, found.machine) == (target.system, target.machine)
    assert any(name.startswith('__tvm_ffi_') for name in found.exports - {binary.ENTRANCE})
    expected = {'linux': {'libm.so.6', 'libc.so.6'}, 'windows': {'tvm_ffi.dll', 'ucrtbase.dll'}}
    assert found.needs == expected[target.system]


def test_the_same_objects_give_the_same_bytes_in_another_folder(made, tmp_path):
    path, target = made

    again = link.linked(executable(target), target, tmp_path)

    assert again.read_bytes() == path.read_bytes()
    assert str(path.parent).encode() not in path.read_bytes()


def test_no_compiler_of_this_system_is_called(made, tmp_path, monkeypatch):
    path, target = made
    monkeypatch.setenv('PATH', '')

    assert link.linked(executable(target), target, tmp_path).read_bytes() == path.read_bytes()


def test_a_library_for_another_machine_is_refused(made):
    path, target = made
    name, system = next((name, system) for name, system in PLACES if (name, system) != (target.name, target.system))

    with pytest.raises(StepError, match=r'is for .*, not'):
        binary.check(path, target_for(name, system))


def test_a_truncated_library_is_refused(made, tmp_path):
    path, target = made
    cut = tmp_path / path.name
    cut.write_bytes(path.read_bytes()[:700])

    with pytest.raises(StepError, match=r'damaged or unusual|does not export|neither'):
        binary.check(cut, target)


def test_a_library_of_something_else_is_refused(tmp_path):
    target = target_for('x86-64-v2')
    link.shared([], other := tmp_path / 'model.so', target, tmp_path)

    with pytest.raises(StepError, match='does not export'):
        binary.check(other, target)


def test_what_is_no_library_is_refused(tmp_path):
    (tmp_path / 'text').write_text('hello')

    with pytest.raises(StepError, match='neither'):
        binary.binary(tmp_path / 'text')


def test_an_unknown_function_stops_the_link_for_windows(tmp_path):
    target = target_for('x86-64-v2', 'windows')
    calls = link.compiled('calls.s', '.globl here\nhere: call nowhere\n', target, tmp_path)

    with pytest.raises(StepError, match='nowhere'):
        link.shared([calls], tmp_path / 'model.dll', target, tmp_path)


@pytest.mark.skipif(sys.platform != 'linux', reason='runs the assembler file of Windows on Linux')
def test_a_large_frame_touches_every_page_and_keeps_the_registers(tmp_path):
    (tmp_path / 'own.s').write_text(windows.CHKSTK)
    (tmp_path / 'main.c').write_text("""
        #include <stdio.h>
        int main(void) {
          long size = 3 * 4096 + 100, rax = size, rcx = 7;
          __asm__ volatile("call ___chkstk_ms" : "+a"(rax), "+c"(rcx) : : "memory");
          printf("%d", rax == size && rcx == 7);
        }
    """)
    link.zig(tmp_path, 'cc', '-c', str(tmp_path / 'own.s'), '-o', str(tmp_path / 'own.o'))
    gcc = subprocess.run(['gcc', str(tmp_path / 'main.c'), str(tmp_path / 'own.o'), '-o', str(tmp_path / 'main')])

    assert gcc.returncode == 0
    assert subprocess.run([tmp_path / 'main'], capture_output=True, text=True, check=True).stdout == '1'
