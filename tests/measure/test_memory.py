from __future__ import annotations

import pytest

from stages.measure import memory


def test_a_reset_peak_sees_an_allocation_of_60_mb() -> None:
    if not memory.reset_peak():
        pytest.skip('this kernel does not reset peaks')
    before = memory.peak_bytes()
    del_me = bytearray(b'x') * 60_000_000
    del del_me
    assert memory.peak_bytes() - before > 55_000_000
    memory.reset_peak()
    assert memory.peak_bytes() - before < 30_000_000


def test_each_repetition_has_a_peak_of_its_own() -> None:
    taken, each = memory.peaks(lambda i: bytearray(b'x') * ((200, 20, 60)[i] * 1_000_000), 3)
    if not each:
        pytest.skip('this kernel does not reset peaks')
    assert taken[0] > taken[2] > taken[1]


def test_without_the_reset_there_is_one_value_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, 'reset_peak', lambda: False)
    taken, each = memory.peaks(lambda i: None, 100)
    assert len(taken) == 1 and not each
