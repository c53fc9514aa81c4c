"""What a build must survive; fake steps, real store, worker and doit."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest

from stages.execute.ensure import ensure, is_current


def test_a_second_run_does_nothing(chain):
    assert chain.doit()[0] == 0
    assert chain.ran() == ['a', 'b', 'c']
    assert chain.artifact().read_text() == 'ABC'

    code, text = chain.doit()

    assert code == 0
    assert chain.ran() == []
    assert 'built' not in text


@pytest.mark.parametrize('harm', ['changed', 'emptied', 'deleted', 'linked', 'extra'])
def test_an_artifact_that_was_touched_is_healed_from_the_store(chain, harm):
    chain.doit()
    chain.ran()
    path = chain.artifact()
    {
        'changed': lambda: path.chmod(0o644) or path.write_text('AXC'),
        'emptied': lambda: path.chmod(0o644) or path.write_text(''),
        'deleted': lambda: path.unlink(),
        'linked': lambda: path.unlink() or path.symlink_to('/etc/hostname'),
        'extra': lambda: (path.parent / 'stray').write_text('?'),
    }[harm]()

    code, _ = chain.doit()

    assert code == 0
    assert path.read_text() == 'ABC'
    assert not path.is_symlink()
    assert not (path.parent / 'stray').exists()
    assert chain.ran() == []


def test_doits_own_database_is_not_needed(chain):
    chain.doit()
    chain.ran()
    for path in (chain.root / '.modelkiln').glob('doit.db*'):
        path.unlink()

    assert chain.doit()[0] == 0
    assert chain.ran() == []


def test_a_flipped_byte_in_the_store_is_never_delivered(chain):
    chain.doit()
    chain.ran()
    for blob in (chain.root / '.modelkiln/store/blobs').glob('*/*'):
        if blob.read_bytes() == b'ABC':
            blob.chmod(0o644)
            blob.write_bytes(b'ABX')
    shutil.rmtree(chain.artifact().parent)

    code, text = chain.doit()

    assert code == 0
    assert 'damaged' in text
    assert chain.artifact().read_text() == 'ABC'
    assert chain.ran() == ['c']


def test_when_every_blob_is_gone_what_is_wanted_is_built_again(chain):
    chain.doit()
    chain.ran()
    shutil.rmtree(chain.root / '.modelkiln/store/blobs')
    shutil.rmtree(chain.artifact().parent)

    assert chain.doit()[0] == 0
    assert chain.artifact().read_text() == 'ABC'
    assert sorted(chain.ran()) == ['a', 'b', 'c']


def test_another_parameter_rebuilds_what_hangs_on_it_and_going_back_builds_nothing(chain):
    chain.doit()
    chain.ran()
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'X'}, {'name': 'c', 'text': 'C'})
    chain.doit()
    assert chain.ran() == ['b', 'c']
    assert chain.artifact().read_text() == 'AXC'

    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'B'}, {'name': 'c', 'text': 'C'})
    chain.doit()

    assert chain.ran() == []
    assert chain.artifact().read_text() == 'ABC'


def test_equal_bytes_cut_off_everything_behind_them(chain):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    steps = {'name': 'a', 'path': 'data.txt', 'does': 'constant', 'text': 'same'}, {'name': 'b'}
    chain.set(*steps)
    chain.doit()
    assert chain.ran() == ['a', 'b']
    data.write_text('two')

    chain.doit()

    assert chain.ran() == ['a']


def test_an_edit_of_the_same_size_with_the_old_mtime_is_noticed(chain):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt'})
    chain.doit()
    stat = data.stat()
    data.write_text('two')
    os.utime(data, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    chain.doit()

    assert chain.artifact().read_text() == 'two'


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_killed_in_the_middle_of_a_step_the_next_run_goes_on_from_the_last_finished_one(chain, number):
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'B', 'seconds': 1.0}, {'name': 'c', 'text': 'C'})
    process = chain.start()
    chain.wait_for('b')
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not chain.artifact().exists()
    chain.ran()

    assert chain.doit()[0] == 0
    assert chain.ran() == ['b', 'c']
    assert chain.artifact().read_text() == 'ABC'


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('arguments', [[], ['-n', '2']])
def test_no_step_outlives_the_run(chain, number, arguments):
    chain.set({'name': 'slow', 'seconds': 60.0})
    process = chain.start(*arguments)
    chain.wait_for('slow')
    process.send_signal(number)
    process.communicate(timeout=20)

    time.sleep(0.5)

    assert not workers_below(chain.root)


@pytest.mark.parametrize('arguments', [[], ['-n', '2']])
def test_a_step_that_dies_fails_its_variant_and_the_others_go_on(chain, arguments):
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'does': 'die'}, others={'fine': [{'name': 'x', 'text': 'X'}]})

    code, text = chain.doit(*arguments)

    assert code != 0
    assert 'SIGKILL' in text
    assert 'modelkiln repeat fake-' in text
    assert chain.artifact('fine').read_text() == 'X'
    assert not chain.artifact().exists()


@pytest.mark.parametrize(
    ('does', 'words'), [('nothing', 'promised out.txt'), ('link', 'left a link'), ('fail', 'asked')]
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


def test_a_step_that_takes_too_long_is_stopped_even_if_it_ignores_sigterm(chain, monkeypatch):
    monkeypatch.setattr('stages.spawn.TERMINATE_SECONDS', 0.2)
    chain.set({'name': 'a', 'seconds': 60.0, 'does': 'ignore-sigterm', 'timeout': 1.0})
    project = chain.project()

    failure = ensure(project, next(iter(project.plan.steps.values())))

    assert failure is not None
    assert 'longer than its limit of 1 s' in failure.reason
    assert not workers_below(chain.root)


def test_an_input_edited_while_the_step_runs_is_never_recorded_as_built(chain):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt', 'seconds': 1.0})
    process = chain.start()
    chain.wait_for('a')
    data.write_text('two')
    text = process.communicate(timeout=30)[0]
    assert process.returncode != 0
    assert 'changed while it ran' in text

    chain.doit()

    assert chain.artifact().read_text() == 'two'


def test_two_runs_at_once_build_everything_once(chain):
    chain.set(
        {'name': 'a', 'seconds': 0.3, 'text': 'A'}, {'name': 'b', 'seconds': 0.3, 'text': 'B'},
        others={'w': [{'name': 'x', 'seconds': 0.3, 'text': 'X'}, {'name': 'y', 'text': 'Y'}]},
    )  # fmt: skip
    both = [chain.start('-n', '2'), chain.start('-n', '2')]
    for process in both:
        text = process.communicate(timeout=60)[0]
        assert process.returncode == 0, text

    assert sorted(chain.ran()) == ['a', 'b', 'x', 'y']


def test_processes_instead_of_threads_are_refused_with_a_sentence(tmp_path):
    from stages.front.tasks import _wants_processes

    assert _wants_processes(['doit', '-n', '2', '-P', 'process'])
    assert _wants_processes(['doit', '--parallel-type=process'])
    assert not _wants_processes(['doit', '-n', '2', 'process'])


def test_a_missing_tool_is_named(chain):
    chain.set({'name': 'a', 'tools': ['no-such-tool']})

    code, text = chain.doit()

    assert code != 0
    assert 'no-such-tool' in text
    assert chain.ran() == []


REFUSED = {'u': [{'name': 'x', 'text': 'X'}, {'name': 'y', 'does': 'refuse'}, {'name': 'z'}]}


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


def test_predicting_changes_nothing_on_disk(chain):
    from stages.execute.predict import predictions

    project = chain.project()
    before = sorted(p for p in chain.root.rglob('*') if '__pycache__' not in p.parts)

    found = [prediction.what for prediction in predictions(project)]

    assert found == ['run', 'unknown', 'unknown']
    assert sorted(p for p in chain.root.rglob('*') if '__pycache__' not in p.parts) == before
    assert not any(is_current(project, step) for step in project.plan.steps.values())


def workers_below(root) -> list[str]:
    found = []
    for pid in os.listdir('/proc'):
        try:
            with open(f'/proc/{pid}/cmdline') as stream:
                line = stream.read().replace('\0', ' ')
        except OSError:
            continue
        if 'worker.py' in line and str(root) in line:
            found.append(line)
    return found
