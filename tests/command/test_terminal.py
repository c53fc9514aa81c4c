"""What people meet at a prompt: a first word, slips, pipes, completion, answers for programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.command.answers import ANSWERS, DOCUMENTS
from stages.command.completion import SHELLS, words
from stages.command.main import COMMANDS, main
from stages.deliver.schemas import against
from tests.small import ROOT, Small, small_project

RUN = 'import sys; sys.argv[0] = "modelkiln"; from stages.command.entry import run; run()'
ENV = os.environ | {'PYTHONPATH': str(ROOT)}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Small:
    made = small_project(tmp_path)
    made.recipe.write_text(made.recipe.read_text() + 'tags: [small]\n')
    monkeypatch.chdir(made.root)
    return made


def test_without_a_word_it_says_where_to_begin(capsys):
    assert main([]) == 0
    assert 'modelkiln new PROJECT' in capsys.readouterr().out


def test_a_misspelt_command_is_answered_with_the_nearest(capsys):
    assert main(['chek']) == 2
    assert 'did you mean `check`?' in capsys.readouterr().err


@pytest.mark.parametrize('command', [['kinds'], ['schema'], ['--help']])
def test_a_reader_that_goes_away_is_no_error(command):
    process = subprocess.Popen(
        [sys.executable, '-c', RUN, *command], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    process.stdout.close()

    said = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(60), [line for line in said.splitlines() if 'Error' in line or 'Traceback' in line]) == (0, [])


@pytest.mark.parametrize('after', [0.05, 0.15, 0.3])
def test_stopping_it_at_any_moment_shows_no_traceback(after):
    ready = RUN.replace('; run()', '; print("here", flush=True); run()')
    process = subprocess.Popen(
        [sys.executable, '-c', ready, 'schema'], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == 'here\n'
    time.sleep(after)
    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=60)
    assert 'Traceback' not in said and process.returncode in (0, 130)


@pytest.mark.parametrize('command', [['list'], ['plan'], ['why', 'tiny'], ['kinds'], ['doctor'], ['du'], ['check']])
def test_what_lists_or_explains_answers_programs_by_its_schema(project, capsys, command):
    code = main([*command, '--json'])
    said = json.loads(capsys.readouterr().out)

    assert code in (0, 3)
    assert against(DOCUMENTS[document(command[0])](), {'it': said}) == []
    assert against(DOCUMENTS[document(command[0])](), {'it': dict.fromkeys(said, 7.5)}) != []


def test_every_command_that_answers_programs_has_a_schema():
    assert {document(name) for name in COMMANDS if '--json' in words(['modelkiln', name])} == {*ANSWERS}


def document(command: str) -> str:
    """Return the name of what a command prints; ``check`` is what a check of a model leaves."""
    return 'checked' if command == 'check' else command


def test_list_says_what_there_is_what_is_wrong_and_what_has_a_tag(project, capsys):
    project.recipe.with_name('wrong.yaml').write_text('recipe: 1\n')

    assert main(['list', '--json', '@small']) == 2
    told = json.loads(capsys.readouterr().out)

    assert [one['recipe'] for one in told['recipes']] == ['tiny']
    assert told['recipes'][0]['variants'][1]['stages'] == ['torchscript']
    assert len(told['wrong']) == 3 and all(line.startswith('recipes/wrong.yaml:1:1: ') for line in told['wrong'])


def test_words_complete_commands_options_recipes_variants_and_tags(project):
    assert words(['modelkiln']) == [*COMMANDS, '--help', '--version']
    assert {'tiny', 'tiny:onnx', '@small', '--long'} <= {*words(['modelkiln', 'why'])}
    assert 'tiny' not in words(['modelkiln', 'digest'])
    assert {'list', 'clean', 'tiny:onnx-int8'} <= {*words(['/usr/bin/doit'])}


@pytest.mark.parametrize('shell', SHELLS)
def test_each_script_is_one_that_its_shell_reads(shell, tmp_path):
    if not (program := shutil.which(shell)):
        pytest.skip(f'{shell} is not installed')
    (tmp_path / 'script').write_text(SHELLS[shell])

    done = subprocess.run([program, '-n', tmp_path / 'script'], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, '')


def test_bash_completes_what_is_typed(project):
    bin = project.root / 'bin'
    bin.mkdir()
    (bin / 'modelkiln').write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{RUN}' \"$@\"\n")
    (bin / 'modelkiln').chmod(0o755)
    script = (
        f'{SHELLS["bash"]}COMP_WORDS=(modelkiln why tiny:onnx-); COMP_CWORD=2; _modelkiln; echo "${{COMPREPLY[@]}}"'
    )

    done = subprocess.run(
        ['bash', '-c', script], cwd=project.root, env=ENV | {'PATH': f'{bin}:{os.environ["PATH"]}'}, text=True,
        capture_output=True, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ['tiny:onnx-int8']


def test_the_installed_command_begins_where_no_traceback_can_be_seen():
    assert 'modelkiln = "stages.command.entry:run"' in Path(ROOT, 'pyproject.toml').read_text()
