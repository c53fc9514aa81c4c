"""A step that fails, refuses or breaks its promise: said, never kept, and nothing old looks new."""

from __future__ import annotations

import pytest

from stages.execute.project import Failure
from stages.layout.artifact import is_delivered

REFUSED = {'u': [{'name': 'x', 'text': 'X'}, {'name': 'y', 'does': 'refuse'}, {'name': 'z'}]}


@pytest.mark.parametrize(
    ('does', 'words'),
    [('nothing', 'promised out.txt'), ('link', 'left a link'), ('fail', 'asked'), ('full', 'No space')],
)
def test_a_broken_promise_is_a_failure_and_is_not_kept(chain, does, words):
    chain.set({'name': 'a', 'does': does, 'text': 'x'})
    code, text = chain.doit()
    assert code != 0
    assert words in text

    chain.ran()
    chain.doit()

    assert chain.ran() == ['a']


def test_a_failure_takes_the_old_artifact_away(chain):
    chain.doit()
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'does': 'fail'})

    assert chain.doit()[0] != 0
    assert not chain.artifact().exists()


def test_a_missing_tool_is_named(chain):
    chain.set({'name': 'a', 'tools': ['no-such-tool']})

    code, text = chain.doit()

    assert code != 0
    assert 'no-such-tool' in text
    assert chain.ran() == []


def test_a_refusal_that_the_recipe_expects_is_a_result(chain):
    chain.set({'name': 'a', 'text': 'A'}, others=REFUSED, unsupported=['u'])

    code, text = chain.doit()

    assert code == 0
    assert 'no operator Fancy' in text
    assert sorted(chain.ran()) == ['a', 'x', 'y']
    assert not chain.artifact('u').parent.exists()
    assert 'built' not in chain.doit()[1]
    assert chain.ran() == []


def test_a_refusal_that_nobody_expects_fails_its_variant_and_is_asked_for_again(chain):
    chain.set({'name': 'a', 'text': 'A'}, others=REFUSED)

    code, text = chain.doit()

    assert code != 0
    assert 'no operator Fancy' in text
    assert chain.artifact().read_text() == 'A'
    chain.ran()
    chain.doit()
    assert chain.ran() == ['y']


def test_a_refusal_is_forgotten_with_the_expectation(chain):
    chain.set({'name': 'a', 'text': 'A'}, others=REFUSED, unsupported=['u'])
    chain.doit()
    chain.set({'name': 'a', 'text': 'A'}, others=REFUSED)

    code, text = chain.doit()

    assert code != 0
    assert 'no operator Fancy' in text


def test_a_result_that_differs_from_run_to_run_is_kept_as_first_made(chain):
    chain.set({'name': 'a', 'does': 'random'}, {'name': 'b'})
    chain.doit()
    first = chain.artifact().read_bytes()
    (chain.root / '.modelkiln/steps').rename(chain.root / 'gone')

    chain.doit()

    assert chain.artifact().read_bytes() == first


def test_what_hangs_on_a_step_that_failed_in_this_run_is_not_delivered_though_its_own_stamp_is_there(chain):
    assert chain.doit()[0] == 0
    project = chain.project()
    build = project.plan.builds['fake'][0]
    assert is_delivered(project, build)

    project.failures[build.steps[0]] = Failure('data-1a2b3c4d', 'no rows', 'log', 'repeat')

    assert not is_delivered(project, build)
