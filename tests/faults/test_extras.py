"""What the list has beside its numbers: nothing measured beside a build, no undeclared reads, plans that are kept."""

from __future__ import annotations

import time

from stages.store.locks import measuring


def test_nothing_is_built_while_something_is_measured_and_builds_go_on_between(chain):
    chain.set(
        *({'name': name, 'text': name, 'seconds': 0.2} for name in 'abc'),
        others={'w': [{'name': name, 'text': name, 'seconds': 0.2} for name in 'xyz']},
    )
    process = chain.start('-n', '2')
    measured = []
    while process.poll() is None:
        with measuring():
            began = time.monotonic_ns()
            time.sleep(0.1)
            measured.append((began, time.monotonic_ns()))
        time.sleep(0.05)

    assert process.wait() == 0
    lines = (chain.journal.parent / 'intervals').read_text().splitlines()
    built = [tuple(map(int, line.split())) for line in lines]
    assert sorted(chain.ran()) == [*'abcxyz']
    assert sum(built[0][0] < end and begin < built[-1][1] for begin, end in measured) > 0
    assert not [(b, m) for b in built for m in measured if b[0] < m[1] and m[0] < b[1]]


def test_a_step_that_reads_what_its_recipe_does_not_declare_fails_and_nothing_is_kept(chain):
    secret = chain.root / 'recipes' / 'secret.txt'
    secret.write_text('not declared')
    chain.set({'name': 'a', 'does': 'peek', 'text': str(secret)})

    code, text = chain.doit()

    assert code != 0
    assert str(secret) in text
    assert 'a step reads what its recipe declares' in text
    assert not [*chain.state.glob('store/results/*/*')]


def test_a_step_that_only_glances_at_it_is_told_and_fails_where_that_is_asked(chain, monkeypatch):
    settings = chain.root / 'recipes' / 'settings.ini'
    settings.write_text('not declared')
    chain.set({'name': 'a', 'does': 'glance', 'text': str(settings)})

    code, text = chain.doit()
    assert code == 0 and f'read what its recipe does not declare: {settings}' in text

    chain.set({'name': 'b', 'does': 'glance', 'text': str(settings)})
    monkeypatch.setenv('MODELKILN_STRICT', '1')
    code, text = chain.doit()
    assert code != 0 and 'a step reads what its recipe declares' in text


def test_a_step_may_read_what_its_recipe_declares(chain):
    (chain.root / 'recipes' / 'data.txt').write_text('declared')
    chain.set({'name': 'a', 'path': 'data.txt'})

    assert chain.doit()[0] == 0
    assert chain.artifact().read_text() == 'declared'


def test_a_plan_writes_nothing_and_says_what_the_run_then_does(chain):
    from stages.execute.ensure import is_current
    from stages.layout.foresee import foresee

    chain.doit()
    chain.ran()
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'X'}, {'name': 'c', 'text': 'C'})
    project, before = chain.project(), everything(chain.root)
    found = {prediction.step.params['name']: prediction.what for prediction in foresee(project)[0]}
    assert everything(chain.root) == before
    assert [is_current(project, step) for step in project.plan.steps.values()] == [True, False, False]

    chain.doit()

    assert (found['a'], found['b'], found['c']) == ('current', 'run', 'maybe')
    assert chain.ran() == ['b', 'c']


def everything(root) -> dict[str, tuple[int, bytes]]:
    """Return every file below ``root`` with its time and content."""
    files = [path for path in root.rglob('*') if path.is_file() and '__pycache__' not in path.parts]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
