"""One bad thing stops only itself, and the exit code says what kind of thing it was."""

from __future__ import annotations

import pytest

from stages.execute import show
from stages.front.failed import worst
from tests.faults.chain import project_at
from tests.faults.conftest import chain as chain
from tests.small import Small, small_project

WRITES = {'name': 'a', 'text': 'a'}


def test_a_variant_whose_tool_is_missing_is_left_out_and_the_rest_is_built(chain):
    chain.set(WRITES, others={'w': [{'name': 'b', 'tools': ['no-such-package']}]})

    code, text = chain.doit()

    assert code == 3
    assert 'done    fake:v' in text
    assert 'fake:w: left out, because no-such-package is not installed' in text


def test_without_the_tool_of_an_optional_variant_nothing_fails_and_it_is_said(chain):
    chain.set(WRITES, others={'w': [{'name': 'b', 'tools': ['no-such-package']}]}, optional=['w'])

    for expected in (['built', 'done', 'left out'], ['left out']):
        code, text = chain.doit()

        assert code == 0
        assert 'fake:w left out, because no-such-package is not installed' in text
        assert [word for word in ('built', 'done', 'left out') if f' {word} ' in text.replace(',', ' ')] == expected


def test_a_failed_step_is_exit_code_4_and_ends_with_what_was_done(chain):
    chain.set(WRITES, others={'w': [{'name': 'b', 'does': 'raise'}]})

    code, text = chain.doit()

    assert code == 4
    assert '1 built, 1 failed, in ' in text.splitlines()[-1]


def test_nothing_to_do_is_exit_code_0(chain):
    chain.set(WRITES)

    assert chain.doit()[0] == 0
    assert chain.doit()[0] == 0


def test_what_failed_is_never_hidden_by_what_is_missing_or_misspelt():
    assert worst([3, 2, 4]) == 4
    assert worst([3, 2]) == 2
    assert worst([3]) == 3
    assert worst([]) == 0
    assert worst([4, 5, 6, 70]) == 70


@pytest.fixture
def project(tmp_path) -> Small:
    made = small_project(tmp_path)
    made.recipe.write_text(made.recipe.read_text() + 'tags: [small]\n')
    return made


def test_a_wrong_recipe_is_told_and_the_others_go_on(project):
    wrong = project.recipe.with_name('wrong.yaml')
    wrong.write_text(project.recipe.read_text().replace('model: tiny', 'model: wrong').replace('[torchscript]', '[x]'))

    ran = project.doit('list')

    assert ran.code == 0
    assert "recipes/wrong.yaml:10:17: no kind 'x'" in ran.text
    assert 'the others go on' in ran.text and 'tiny' in ran.text.splitlines()[-1]


def test_a_name_of_nothing_is_answered_with_the_nearest(project):
    ran = project.doit('tiny:onx')

    assert ran.code == 2
    assert "no recipe, variant or tag 'tiny:onx'; did you mean `tiny:onnx`?" in ran.text
    assert project.doit('@smal').text.rstrip().endswith('did you mean `@small`?')


def test_patterns_and_tags_choose_recipes(project):
    listed = project.doit('list', '@small').text

    assert '@small' in listed and '1 recipe\n' in f'{listed}\n'
    assert project.doit('none*').code == 2


@pytest.mark.parametrize('verbose', [True, False])
def test_verbose_shows_the_lines_of_a_log_as_they_come_whole_and_once(chain, monkeypatch, verbose):
    told: list[str] = []
    monkeypatch.setattr(show, 'note', told.append)
    chain.set(WRITES)
    project = project_at(chain.root)
    project.verbose = verbose
    [step] = project.plan.steps.values()
    log = chain.root / 'step.log'
    follow = show.following(project, step, log)

    follow()  # it is not there yet
    for text in ('loading\nlay', 'er 7\n', ''):
        with log.open('a') as stream:
            stream.write(text)
        follow()

    assert [line.split()[2:] for line in told] == ([['loading'], ['layer', '7']] if verbose else [])
