"""What a step says of its end is its word: whatever it wrote there is either understood or no answer."""

from __future__ import annotations

import json

import pytest

from stages.execute.ensure import _report, _watcher
from stages.launch.worker import ANSWERS

GOOD = {'error': None, 'peak_memory_bytes': 7}
FAILED = {'error': {'type': 'StepError', 'message': 'no'}, 'peak_memory_bytes': 7}


@pytest.fixture
def answers(tmp_path):
    (tmp_path / ANSWERS).mkdir()
    return tmp_path / ANSWERS


@pytest.mark.parametrize('said', [GOOD, FAILED])
def test_an_answer_of_ours_is_understood(answers, said):
    (answers / 'result.json').write_text(json.dumps(said))

    assert _report(answers.parent) == said


@pytest.mark.parametrize(
    'said',
    ['', '[]', '{}', '{"error": null}', '{"error": "no", "peak_memory_bytes": 1}', '[' * 90_000,
     '{"error": {"type": 1, "message": "no"}, "peak_memory_bytes": 1}', '{"error": null, "peak_memory_bytes": "much"}'],
)  # fmt: skip
def test_anything_else_is_no_answer(answers, said):
    (answers / 'result.json').write_text(said)

    assert _report(answers.parent) is None


@pytest.mark.parametrize('said', ['5', '[1]', '["x", "y"]', '[null, 1]', '{', '[' * 90_000])
def test_progress_of_another_form_is_none(answers, said):
    (answers / 'progress.json').write_text(said)
    seen = []

    _watcher(answers.parent, answers / 'log', lambda *progress: seen.append(progress))()

    assert seen == [(0.0, '')]
