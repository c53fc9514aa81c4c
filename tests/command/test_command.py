"""The commands on small projects: what they say, their exit codes, and that looking changes nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.command.main import COMMANDS, main
from stages.kinds import KINDS
from tests.small import ROOT, Small, small_project


@pytest.fixture
def fresh(tmp_path, monkeypatch) -> Small:
    """The project before anything was built; the current folder."""
    project = small_project(tmp_path / 'fresh')
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture
def built(small, monkeypatch) -> Small:
    """A built project; the current folder."""
    monkeypatch.chdir(small.root)
    return small


@pytest.fixture
def modelkiln(capsys, monkeypatch):
    """``modelkiln(…)``: run a command; return its exit code and what it wrote."""
    monkeypatch.setattr('stages.copies.warning', lambda root: '')  # a clone that is tested beside an installed one

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(arguments)
        wrote = capsys.readouterr()
        return code, wrote.out + wrote.err

    return run


def everything(project: Small) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(project.root.rglob('*')) if p.is_file()}


# -- nothing is built


def test_check_counts_what_is_right(fresh, modelkiln):
    code, text = modelkiln('check')

    assert code == 0
    assert text.startswith('1 recipe, 4 variants, ')
    assert 'nothing wrong' in text


def test_check_says_every_mistake_with_its_place(fresh, modelkiln):
    fresh.edit('onnx-quantize]', 'onnx-quantise]')
    fresh.edit('dtype: float32', 'dtype: float33')

    code, text = modelkiln('check')

    assert code == 2
    assert len(text.strip().splitlines()) == 2
    assert 'recipes/tiny.yaml:' in text
    assert 'did you mean `onnx-quantize`?' in text
    assert 'float33' in text


def test_check_takes_single_files(fresh, modelkiln):
    (fresh.root / 'recipes/wrong.yaml').write_text('recipe: 1\n')

    assert modelkiln('check', 'recipes/tiny.yaml')[0] == 0
    assert modelkiln('check', 'recipes/wrong.yaml')[0] == 2
    assert modelkiln('check')[0] == 2


@pytest.mark.torch
def test_check_in_rounds_builds_twice_and_finds_the_clock_in_a_module(built, modelkiln):
    assert modelkiln('check', '--rounds', '2', 'tiny:torchscript')[0] == 0
    path = built.root / 'recipes/models/tiny.py'
    path.write_text(path.read_text().replace('torch.manual_seed(3)', 'import time; torch.manual_seed(time.time_ns())'))

    code, text = modelkiln('check', '--rounds', '2', 'tiny:torchscript')

    assert code == 5
    assert re.search(r'torch-source-\w{8}: made 2 times .* weights.safetensors had other bytes', text), text


def test_a_folder_without_recipes_is_named(tmp_path, monkeypatch, modelkiln):
    monkeypatch.chdir(tmp_path)

    code, text = modelkiln('check')

    assert code == 3
    assert 'no recipes/ folder here or above' in text


def test_plan_says_what_would_run_and_that_the_rest_is_not_known_yet(fresh, modelkiln):
    code, text = modelkiln('plan')

    assert code == 0
    lines = text.strip().splitlines()
    assert any(line.startswith('run ') and 'torch-source-' in line for line in lines)
    assert any(line.startswith('maybe ') and 'onnx-quantize-' in line and 'bytes from onnx-' in line for line in lines)


def test_plan_of_one_variant_has_its_steps_only(fresh, modelkiln):
    _, text = modelkiln('plan', 'tiny:torchscript')

    assert ' torchscript-' in text
    assert ' onnx-' not in text


def test_plan_of_something_that_is_not_there_is_a_mistake(fresh, modelkiln):
    code, text = modelkiln('plan', 'tiny:nothing')

    assert code == 2
    assert "there is no recipe, variant or tag 'tiny:nothing' here" in text


@pytest.mark.parametrize('command', [('check',), ('plan',), ('why', 'tiny:onnx'), ('kinds',), ('schema',)])
def test_looking_changes_nothing_on_disk(fresh, modelkiln, command):
    before = everything(fresh)

    assert modelkiln(*command)[0] == 0

    assert everything(fresh) == before


def test_why_shows_the_parameters_and_the_users_of_a_step(fresh, modelkiln):
    code, text = modelkiln('why', '--long', 'onnx-quantize')

    assert code == 0
    assert 'used by  tiny:onnx-int8' in text
    assert "mode = 'dynamic'" in text


def test_why_of_no_step_says_so(fresh, modelkiln):
    code, text = modelkiln('why', 'nothing')

    assert code == 2
    assert 'nothing is no step and no variant here' in text


@pytest.mark.parametrize('kind', sorted(KINDS))
def test_kinds_shows_every_kind_with_its_parameters(modelkiln, kind):
    code, text = modelkiln('kinds', kind)

    assert code == 0
    assert text.startswith(kind)
    assert all(f'-> {module.GIVES}' in text for module in KINDS[kind])


def test_a_kind_that_is_not_there_is_a_mistake(modelkiln):
    code, text = modelkiln('kinds', 'onxn')

    assert code == 2
    assert 'onxn is not a kind' in text


def test_the_schema_is_json_and_knows_every_kind(modelkiln):
    code, text = modelkiln('schema')

    assert code == 0
    assert isinstance(json.loads(text), dict)
    assert all(f'"{kind}"' in text for kind in KINDS)


def test_there_is_no_report_before_there_is_one(fresh, modelkiln):
    assert modelkiln('report') == (5, 'no report yet; `doit` makes them\n')
    assert modelkiln('report', 'tiny') == (5, 'tiny: no report yet; `doit tiny` makes it\n')


@pytest.mark.parametrize('command', sorted(COMMANDS))
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([command, '--help'])

    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_a_command_loads_nothing_of_the_others():
    code = "import sys; from stages.command.main import main; main(['digest', 'README.md']); print(*sys.modules)"

    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert 'stages.command.digest' in done.stdout.split()
    assert not {'stages.command.check', 'stages.recipe.read', 'yaml', 'doit'} & {*done.stdout.split()}


# -- built


def test_after_a_build_plan_has_nothing_to_do(built, modelkiln):
    code, text = modelkiln('plan')

    assert code == 0
    assert text.strip().endswith(' current')
    assert len(text.strip().splitlines()) == 1


def test_plan_gives_the_reason_and_doit_then_does_exactly_that(built, modelkiln):
    built.edit('onnx-quantize]', 'onnx-quantize: {conv: true}]')

    _, text = modelkiln('plan', 'tiny:onnx-int8')

    planned = [line.split()[1].rpartition('-')[0] for line in text.splitlines() if line.startswith(('run', 'maybe  '))]
    assert planned == built.doit('tiny:onnx-int8').built


def test_why_gives_key_and_content_of_what_was_built(built, modelkiln):
    _, text = modelkiln('why', 'tiny:onnx')
    assert text == 'tiny:onnx is current: 5 steps, and what they left is in place\n'

    _, text = modelkiln('why', '--long', 'tiny:onnx')

    manifest = json.loads((built.artifact('onnx') / 'manifest.json').read_text())
    assert manifest['digest'] in text


def test_why_names_the_file_that_changed(built, modelkiln):
    path = built.root / 'recipes/models/tiny.py'
    path.write_text(path.read_text().replace('manual_seed(3)', 'manual_seed(4)'))

    _, text = modelkiln('why', 'torch-source')

    assert 'recipes/models/tiny.py changed' in text


def test_verify_finds_everything_as_recorded(built, modelkiln):
    code, text = modelkiln('verify')

    assert code == 0
    assert text.startswith('4 artifacts and ')


@pytest.mark.parametrize(
    ('harm', 'words'),
    [
        (lambda f: f.chmod(0o644) or f.write_bytes(b'other'), 'has other bytes; expected '),
        (lambda f: f.unlink(), 'is missing'),
        (lambda f: (f.parent / 'stray').write_text('?'), 'does not belong here'),
    ],
    ids=['changed', 'missing', 'extra'],
)
def test_verify_ends_with_6_and_names_the_file_that_differs(built, modelkiln, harm, words):
    harm(built.artifact('onnx') / 'model.onnx')

    code, text = modelkiln('verify')

    assert code == 6
    assert words in text
    assert str(built.artifact('onnx')) in text


def test_verify_sets_damaged_content_of_the_store_aside_only_when_asked(built, modelkiln):
    blob = max((built.root / '.modelkiln/store/blobs').glob('*/*'), key=lambda path: path.stat().st_size)
    blob.chmod(0o644)
    blob.write_bytes(b'damaged')

    assert modelkiln('verify')[0] == 6
    assert blob.exists()
    code, text = modelkiln('verify', '--repair')
    assert code == 6
    assert 'set aside' in text
    assert modelkiln('verify')[0] == 0


def test_verify_of_one_folder_needs_no_project(built, tmp_path, monkeypatch, modelkiln):
    folder = built.artifact('onnx').rename(tmp_path / 'shipped')
    monkeypatch.chdir('/')

    assert modelkiln('verify', str(folder)) == (0, f'{folder}: the artifact is as its manifest says\n')
    assert modelkiln('verify', str(tmp_path))[0] == 6


def test_report_prints_the_page_and_where_it_is(built, modelkiln):
    code, text = modelkiln('report')

    assert code == 0
    assert all(name in text for name in ('torchscript', 'onnx-int8', str(built.root / 'artifacts/tiny/report.html')))


def stored(root: Path) -> set[Path]:
    """Give every file of the store but those that go with the run."""
    store = root / '.modelkiln/store'
    return {path for path in store.rglob('*') if path.is_file() and 'tmp' not in path.relative_to(store).parts}


def test_repeat_runs_one_step_in_a_folder_that_stays_and_leaves_the_store_alone(built, modelkiln):
    before = stored(built.root)

    code, text = modelkiln('repeat', 'onnx-quantize')

    assert code == 0
    assert 'left contract.json, model.onnx' in text
    assert [*built.root.glob('.modelkiln/repeat/onnx-quantize-*/out/model.onnx')]
    assert stored(built.root) == before


def test_repeat_of_several_steps_asks_for_one(built, modelkiln):
    code, text = modelkiln('repeat', 'check')

    assert code == 2
    assert 'check means ' in text


def test_repeat_of_a_step_that_fails_says_where_all_it_saw_is(built, modelkiln):
    built.edit('torchscript: [torchscript]', 'torchscript: [torchscript: {method: script}]')

    code, text = modelkiln('repeat', 'torchscript')

    assert code == 4
    assert 'everything it saw is in ' in text


def test_the_folder_that_repeat_leaves_runs_elsewhere_and_tells_how_it_ended(built, modelkiln, tmp_path, monkeypatch):
    built.edit('torchscript: [torchscript]', 'torchscript: [torchscript: {method: script}]')
    modelkiln('repeat', 'torchscript')
    (left,) = built.root.glob('.modelkiln/repeat/torchscript-*')
    moved = left.rename(tmp_path / 'capsule')
    (moved / 'log.txt').unlink()
    monkeypatch.chdir(tmp_path)  # no project here

    code, text = modelkiln('repeat', 'capsule')

    assert code == 4
    assert str(moved) in text
    told = json.loads((moved / 'capsule.json').read_text())
    assert (told['error']['type'], told['kind']) == ('UnsupportedError', 'torchscript')
    assert 'Traceback' in (moved / 'log.txt').read_text()
