from __future__ import annotations

import copy
import json

from stages.measure.machine import fingerprint, load_now, machine


def test_every_field_has_a_value_that_json_can_hold() -> None:
    found = machine()
    assert json.loads(json.dumps(found)) == found
    assert {'cpu', 'memory', 'system', 'clock', 'load'} == set(found)


def test_the_fingerprint_does_not_move_with_the_load() -> None:
    first = machine()
    busy = copy.deepcopy(first)
    busy['load'] = load_now() | {'load_average': 99.0}
    busy['cpu']['mhz'] = 1.0
    assert fingerprint(busy) == fingerprint(first)


def test_the_fingerprint_changes_with_the_instructions() -> None:
    first = machine()
    other = copy.deepcopy(first)
    other['cpu']['flags'] = []
    assert fingerprint(other) != fingerprint(first)
