"""What an outcome says of itself, and how that becomes a line of the report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from stages.execute.project import Failure
from stages.layout.outcome import Outcome
from stages.recipe.setting import Setting

BUILD: Any = SimpleNamespace(name='net:ort', variant=SimpleNamespace(unsupported=False))
EXPECTING: Any = SimpleNamespace(name='net:ort', variant=SimpleNamespace(unsupported=True))
FAILED = Failure('onnx-1a2b3c4d', 'the exporter was killed', 'a log', 'modelkiln repeat onnx-1a2b3c4d')
REFUSED = Failure('onnx-1a2b3c4d', 'no such operator', 'a log', 'modelkiln repeat onnx-1a2b3c4d', unsupported=True)
FAR = Failure('onnx-1a2b3c4d', 'leaves the tolerance', 'a log', 'modelkiln repeat check-1a2b3c4d')


def test_what_is_good_is_delivered_and_not_broken() -> None:
    assert Outcome(BUILD, None, None).deliverable and Outcome(BUILD, None, None).broken is None


def test_what_is_too_far_is_a_model_that_is_not_delivered() -> None:
    found = Outcome(BUILD, None, None, FAR)
    assert found.failure is None and not found.deliverable and 'leaves the tolerance' in str(found.broken)


def test_a_step_that_fails_behind_one_that_is_too_far_hides_neither() -> None:
    words = str(Outcome(BUILD, FAILED, None, FAR).broken)
    assert words.index('leaves the tolerance') < words.index('the exporter was killed')


def test_a_failed_measurement_breaks_the_variant_that_is_delivered() -> None:
    unmeasured = tuple((Setting(threads=threads), 'it was stopped') for threads in (1, 2))
    found = Outcome(BUILD, None, None, unmeasured=unmeasured)
    assert found.deliverable
    assert (
        found.broken
        == 'measuring with 1 thread failed: it was stopped\nmeasuring with 2 threads failed: it was stopped'
    )


def test_only_a_refusal_that_is_expected_is_no_failure() -> None:
    assert Outcome(EXPECTING, REFUSED, None).broken is None
    assert Outcome(EXPECTING, FAILED, None).broken and Outcome(BUILD, REFUSED, None).broken
