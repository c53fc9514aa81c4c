"""What plan says is what doit then does, and nothing else: after each of many edits, steps and artifacts alike."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from stages.layout.foresee import foresee
from tests.faults.conftest import ROOT, Chain

A, B, C = {'name': 'a', 'text': 'A', 'path': 'data.txt'}, {'name': 'b', 'text': 'B'}, {'name': 'c', 'text': 'C'}
X, Y = {'name': 'x', 'text': 'X'}, {'name': 'y', 'text': 'Y'}
CONSTANT = {'name': 'a', 'does': 'constant', 'text': 'same', 'path': 'data.txt'}
FAILS, REFUSES = {'name': 'b', 'does': 'fail'}, {'name': 'y', 'does': 'refuse'}


def setting(*steps: dict[str, object], **others: object) -> Callable[[Chain], None]:
    return lambda chain: chain.set(*steps, **({'others': {'w': [X, Y]}} | others))


def data(text: str) -> Callable[[Chain], None]:
    return lambda chain: (chain.root / 'recipes/data.txt').write_text(text) and None


def lost(*names: str) -> Callable[[Chain], None]:
    """Take folders and files away: of the state, or artifacts of variants."""

    def edit(chain: Chain) -> None:
        for name in names:
            path = chain.root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return edit


def touched(name: str) -> Callable[[Chain], None]:
    def edit(chain: Chain) -> None:
        path = chain.root / name
        path.unlink(missing_ok=True)
        path.write_text('?')

    return edit


def flipped(content: bytes) -> Callable[[Chain], None]:
    def edit(chain: Chain) -> None:
        blob = chain.blob(content)
        blob.chmod(0o644)
        blob.write_bytes(b'?' * len(content))

    return edit


def both(*edits: Callable[[Chain], None]) -> Callable[[Chain], None]:
    return lambda chain: [edit(chain) for edit in edits] and None


OUT = 'artifacts/fake/v/out.txt'
STORE = '.modelkiln/store'
EDITS: dict[str, list[Callable[[Chain], None]]] = {
    'nothing': [setting(A, B, C)],
    'a parameter, and back': [setting(A, {**B, 'text': 'b'}, C), setting(A, B, C)],
    'a parameter of the last step': [setting(A, B, {**C, 'text': 'c'})],
    'a limit': [setting({**A, 'timeout': 99.0}, B, C)],
    'a stage more, and one less': [setting(A, X, B, C), setting(A, B)],
    'an input': [data('two')],
    'an input whose step leaves equal bytes': [setting(CONSTANT, B), data('two')],
    'a parameter whose step leaves equal bytes': [
        setting({'name': 'a', 'text': 'same', 'does': 'constant'}, B),
        setting({'name': 'a', 'text': 'same', 'does': 'constant', 'seconds': 0.01}, B),
    ],
    'an input that a step fails on, again, and mended': [
        setting({**A, 'does': 'judge'}, B),
        data('bad'),
        setting({**A, 'does': 'judge'}, B),
        data('one'),
    ],
    'an artifact deleted': [lost(OUT)],
    'an artifact edited': [touched(OUT)],
    'a file beside an artifact': [touched('artifacts/fake/v/stray')],
    'a manifest deleted': [lost('artifacts/fake/v/manifest.json')],
    'the record of an artifact lost': [lost('.modelkiln/artifacts/fake/v.json')],
    'stamps lost': [lost('.modelkiln/steps')],
    'lineage lost, and a parameter': [both(lost('.modelkiln/lineage'), setting(A, {**B, 'text': 'b'}, C))],
    'the store lost': [lost(STORE)],
    'the store and an artifact lost': [lost(STORE, OUT)],
    'blobs lost, and a parameter': [both(lost(f'{STORE}/blobs'), setting(A, B, {**C, 'text': 'c'}))],
    'a stored file damaged, and its artifact lost': [both(flipped(b'oneABC'), lost(OUT))],
    'a stored file damaged that nobody needs': [flipped(b'oneA')],
    'a stored file damaged that the next step needs': [both(flipped(b'oneAB'), setting(A, B, {**C, 'text': 'c'}))],
    'another variant': [setting(A, B, C, others={'w': [X, Y], 'z': [A, B, X]})],
    'a variant renamed': [setting(A, B, C, others={'renamed': [X, Y]})],
    'a failure, again, and mended': [setting(A, FAILS, C), setting(A, FAILS, C), setting(A, B, C)],
    'a refusal, and expected': [
        setting(A, B, C, others={'w': [X, REFUSES, C]}),
        setting(A, B, C, others={'w': [X, REFUSES, C]}, unsupported=['w']),
        setting(A, B, C, others={'w': [X, REFUSES, C]}, unsupported=['w']),
        touched('artifacts/fake/w'),
        setting(A, B, C, others={'w': [X, REFUSES, C]}),
    ],
    'a tool that is not there': [setting(A, {**B, 'tools': ['no-such-tool']}, C), setting(A, B, C)],
}


@pytest.mark.parametrize('edits', EDITS.values(), ids=EDITS)
def test_doit_does_what_plan_says_and_nothing_else(chain, edits):
    data('one')(chain)
    setting(A, B, C)(chain)
    chain.doit('-n', '1')
    for edit in edits:
        edit(chain)
        sure, maybe, before = predicted(chain)
        again = predicted(chain)

        did = done(chain)

        assert again == (sure, maybe, before), 'to ask changes the answer'
        came_true = {one for one in maybe if happens(chain, one, before)}
        assert did == {one for one in sure if is_reached(chain, one)} | came_true


def predicted(chain: Chain) -> tuple[set[tuple[str, str]], set[tuple[str, str]], dict[str, str]]:
    """Return what is sure, what is not, and the digest of what each step left."""
    project = chain.project()
    steps, deeds = foresee(project, [build.name for build in project.plan.builds['fake']])  # fakes are not measured
    found = {('step', p.step.name): p.what for p in steps if p.what in ('run', 'cached', 'maybe')}
    found |= {('artifact', deed.name): 'sure' if deed.sure else 'maybe' for deed in deeds}
    maybe = {one for one, what in found.items() if what == 'maybe'}
    left = {id: stamp.digest for id in project.plan.steps if (stamp := project.stamp(id))}
    return found.keys() - maybe, maybe, left


def done(chain: Chain) -> set[tuple[str, str]]:
    """Run doit; return what it did, by its own words."""
    _, text = chain.doit('-n', '1')
    shown, _, failed = text.partition('Failed:')
    steps = re.findall(r'^  (?:built  |cached |FAILED |refused)\s*(fake-\w{8})', shown, re.MULTILINE)
    names = re.findall(r'^  done    (fake:\w+)$', shown, re.MULTILINE)
    names += re.findall(r'\b(fake:\w+)(?=[,:] )', failed)
    return {('step', name) for name in steps} | {
        ('artifact', 'fake' if name == 'fake:tools' else name) for name in names
    }


def is_reached(chain: Chain, one: tuple[str, str]) -> bool:
    """Whether a step came to its turn: what stands before one that fails or is refused takes it along."""
    project = chain.project()
    named = [step for step in project.plan.steps.values() if ('step', step.name) == one]
    stamps = [project.stamp(id) for step in named for id in step.inputs.values()]
    return all(stamp is not None and not stamp.refused for stamp in stamps)


def happens(chain: Chain, one: tuple[str, str], before: dict[str, str]) -> bool:
    """Whether what ``one`` hangs on came true: bytes before it differ from those that were there."""
    project = chain.project()
    stamps = {id: stamp for id in project.plan.steps if (stamp := project.stamp(id))}
    after = {id: stamp.digest for id, stamp in stamps.items()}
    refused = {id for id, stamp in stamps.items() if stamp.refused}
    if one[0] == 'step':
        step = next(step for step in project.plan.steps.values() if step.name == one[1])
        ids = set(step.inputs.values())
        return ids <= after.keys() - refused and any(before.get(id) != after[id] for id in ids)
    build = next(build for build in project.plan.builds['fake'] if build.name == one[1])
    if refused & {link.step for link in build.chain}:
        return False
    return any(before.get(link.step) != after.get(link.step) for link in build.chain)


@pytest.mark.slow
@pytest.mark.onnx
def test_plan_is_exact_of_real_steps_measuring_and_reports_too():
    script = ROOT / 'benchmarks' / 'reasons.py'
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stdout.count('`doit` did what was sure') >= 20
