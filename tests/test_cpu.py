"""The instructions of a CPU are those that Linux lists, and what reports speak of is among what is looked for."""

from __future__ import annotations

import pytest

from stages import cpu
from stages.report.float_form import DOT_PRODUCTS


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Give the function that says what this machine's ``/proc/cpuinfo`` is; None: it has none."""

    def is_now(text):
        monkeypatch.setattr(cpu, 'INFO', tmp_path / 'cpuinfo')
        if text is not None:
            cpu.INFO.write_text(text)
        cpu.flags.cache_clear()

    yield is_now
    cpu.flags.cache_clear()


LINES = [('x86_64', 'flags\t\t: fpu avx2 avx_vnni\n'), ('aarch64', 'Features\t: fp asimd i8mm\n')]


@pytest.mark.parametrize(('kind', 'line'), LINES)
def test_flags_stand_in_the_first_processors_line(machine, monkeypatch, kind, line):
    monkeypatch.setattr('platform.machine', lambda: kind)
    machine(f'processor\t: 0\n{line}bugs\t\t: spectre_v1\n\nprocessor\t: 1\nflags\t\t: sse\n')

    assert cpu.flags() == set(line.split()[2:])


def test_only_what_decides_is_kept_in_one_order(machine):
    machine('flags : avx_vnni fpu fma avx2\n')

    assert cpu.decisive() == ('avx2', 'fma', 'avx_vnni')


def test_under_an_emulator_the_machine_around_it_is_not_taken_for_this_one(machine, monkeypatch):
    monkeypatch.setattr('platform.machine', lambda: 'aarch64')
    machine('processor : 0\nflags : fpu avx2\n')

    assert cpu.flags() == frozenset()


def test_where_the_system_does_not_tell_there_are_none(machine):
    machine(None)

    assert (cpu.flags(), cpu.decisive()) == (frozenset(), ())


def test_every_instruction_that_reports_speak_of_is_looked_for():
    assert {flag for flags in DOT_PRODUCTS.values() for flag in flags} <= set(cpu.DECISIVE)
