"""How far a transfer is: a bar where somebody watches, plain lines elsewhere, nothing of short ones."""

from __future__ import annotations

import pytest

from stages import terminal
from stages.deliver import progress
from stages.deliver.progress import Progress


@pytest.mark.parametrize(
    ('watched', 'said'), [(True, '[##########          ] net  50%'), (False, 'net  50%, 512.0 MiB')]
)
def test_a_long_transfer_tells_how_far_it_is(monkeypatch, watched, said):
    clock, told = [0.0], list[str]()
    monkeypatch.setattr(terminal, 'moving', lambda: watched)
    monkeypatch.setattr(terminal, 'progress', told.append)
    monkeypatch.setattr(progress.time, 'monotonic', lambda: clock[0])

    with Progress('net', 1 << 30) as transfer:
        transfer.add(1 << 28)
        clock[0] = 8.0
        transfer.add(1 << 28)

    assert len(told) == 1
    assert told[0].startswith(said)
    assert told[0].endswith('512.0 MiB of 1.0 GiB, 64.0 MiB/s, 8 s to go')
