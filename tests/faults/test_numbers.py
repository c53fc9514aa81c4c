"""The list of faults is whole: each case that a build without a remote can meet has a test with its number."""

from __future__ import annotations

import re
from pathlib import Path

REMOTE = {11, 23, 25}
"""A remote that loses, a bad remote, an interrupted pull: there is no remote and no pull to try them on."""


def test_every_fault_has_a_test_by_its_number():
    texts = [path.read_text('utf-8') for path in Path(__file__).parent.glob('test_*.py')]
    found = {int(number) for text in texts for number in re.findall(r'^def test_fault_(\d\d)_', text, re.MULTILINE)}

    assert found == {*range(1, 26)} - REMOTE
