"""15 to 20: what is built again, and what is not."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from functools import cache
from pathlib import Path

from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from stages.digest import canonical, digest_of
from stages.execute.action import action_of
from stages.execute.project import Stamp
from tests.execute import conftest as executed
from tests.execute.conftest import DATA, NET, RECIPE, Keyed
from tests.faults.conftest import chain_at

keyed, house = executed.keyed, executed.house


def test_fault_15_equal_bytes_cut_off_everything_behind_them(chain):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt', 'does': 'constant', 'text': 'same'}, {'name': 'b'}, {'name': 'c'})
    chain.doit()
    assert chain.ran() == ['a', 'b', 'c']
    data.write_text('two')

    chain.doit()

    assert chain.ran() == ['a']


def test_fault_16_another_parameter_rebuilds_what_hangs_on_it_and_going_back_builds_nothing(chain):
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


HEAD, _, REST = RECIPE.strip().partition('inputs:')
PLACES = [*HEAD.splitlines(), *f'inputs:{REST}'.splitlines()]
NOISE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@trials(max_examples=8)  # each reads all code that the kinds stand on
@given(
    comments=st.lists(st.tuples(st.integers(3, len(PLACES)), NOISE), max_size=4),
    order=st.permutations(range(3)),
    name=st.from_regex(r'x[a-z0-9-]{0,8}', fullmatch=True),
)
def test_fault_17_an_edit_that_means_nothing_changes_no_id_and_no_key(comments, order, name):
    lines = [[*PLACES][place] for place in order] + PLACES[3:]
    for at, words in comments:
        lines.insert(at, f'# {words}')
    text = '\n'.join(lines).replace('model: net', f'model: {name}')

    assert text != RECIPE
    assert keys_of(text, f'{name}.yaml') == keys_as_written()


@trials(max_examples=15)
@given(length=st.integers(2, 6), data=st.data())
def test_fault_17_an_edit_of_one_value_changes_that_step_and_what_hangs_on_it(length, data):
    at = data.draw(st.integers(0, length - 1))
    value = data.draw(st.text(st.characters(codec='utf-8'), min_size=1, max_size=8))
    steps = [{'name': str(place), 'text': 'x'} for place in range(length)]
    edited = [step | ({'text': 'x' + value} if place == at else {}) for place, step in enumerate(steps)]
    with tempfile.TemporaryDirectory() as folder:
        chain = chain_at(Path(folder))
        chain.set(*steps)
        before = chain_keys(chain)
        chain.set(*edited)
        after = chain_keys(chain)

    assert [place for place in range(length) if before[place] != after[place]] == [*range(at, length)]


def chain_keys(chain) -> list[str]:
    """Return the keys of a chain as they will be when every step has run: each leaves what its key says."""
    project = chain.project()
    keys = []
    for id, step in project.plan.steps.items():
        keys.append(project.key(step))
        project.stamps[id] = Stamp(keys[-1], digest_of(keys[-1]))
    return keys


@cache
def keys_as_written() -> dict[str, str]:
    return keys_of(RECIPE, 'net.yaml')


def keys_of(recipe: str, name: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        project = Keyed(Path(folder))
        for file, text in (
            (name, recipe), ('models/net.py', NET), ('models/blocks.py', 'width = 3\n'), ('models/data.py', DATA),
        ):  # fmt: skip
            project.write(file, text)
        opened = project.project()
        return {id: opened.key(step) for id, step in opened.plan.steps.items()}


PLAIN = st.text(max_size=4) | st.integers(-3, 3) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = st.fixed_dictionaries(
    {
        group: st.dictionaries(st.text(max_size=3), PLAIN, max_size=3)
        for group in ('inputs', 'files', 'tools', 'platform', 'settings')
    }
)


@given(one=FIELDS, two=FIELDS)
def test_fault_18_actions_have_equal_keys_exactly_when_they_are_written_alike(one, two):
    step = a_step()
    keys = [digest_of(action_of(step, code='c', **fields)) for fields in (one, two)]

    assert (keys[0] == keys[1]) == (written(one) == written(two))
    action = action_of(step, code='c', **one)
    assert canonical(json.loads(canonical(action))) == canonical(action)


def written(value: object) -> str:
    """Return a value with the type of everything in it: Python holds 1, 1.0 and True to be equal."""
    if isinstance(value, dict):
        return repr(sorted((key, written(item)) for key, item in value.items()))
    return repr(value)


ALIKE = [
    1, '1', 1.0, True, 'true', None, 'null', '', [], {}, [1], ['1'], [[1]], [1, 2], [2, 1], '1,2', 'a:b',
    {'a': 'b'}, {'a:': 'b'}, {'a': ':b'}, {'ab': ''}, {'': 'ab'}, 'é',
    unicodedata.normalize('NFD', 'é'), 0, 0.5, '0.5', -1,
]  # fmt: skip


def test_fault_18_values_that_look_alike_have_keys_of_their_own():
    keys = {digest_of({'params': value}) for value in ALIKE}

    assert len(keys) == len(ALIKE)
    assert digest_of({'inputs': {'a': 'x', 'b': 'y'}}) != digest_of({'inputs': {'a': 'y', 'b': 'x'}})


def a_step():
    with tempfile.TemporaryDirectory() as folder:
        return next(iter(chain_at(Path(folder)).plan.steps.values()))


SAMPLE = 'stages.kinds.sample'


def test_fault_19_a_helpers_code_counts_at_any_depth_and_its_comments_do_not(house):
    before = house.digests(SAMPLE)
    house.edit('frameworks/sample_bytes.py', "HEADER = b'one'", "# the first\nHEADER = b'one'")
    assert house.digests(SAMPLE) == before

    house.edit('frameworks/sample_bytes.py', "b'one'", "b'two'")

    assert house.digests(SAMPLE) != before


def test_fault_20_another_version_of_a_tool_runs_what_names_it_and_going_back_nothing(chain, monkeypatch, tmp_path):
    site = tmp_path / 'site'
    chain.set({'name': 'a', 'text': 'A', 'tools': ['press']}, {'name': 'b', 'text': 'B'})
    ran = []
    for version in ('1', '2', '1'):
        for old in site.glob('*'):
            old.rmdir()
        (site / f'press-{version}.dist-info').mkdir(parents=True)
        chain.doit(env={'PYTHONPATH': f'{executed.ROOT}:{site}'})
        ran.append(chain.ran())

    assert ran == [['a', 'b'], ['a'], []]  # equal bytes cut b off


def test_fault_20_what_is_made_for_this_cpu_has_a_key_for_each(keyed, monkeypatch):
    from stages.execute import host

    def keys(cpu: str) -> dict[bool, set[str]]:
        monkeypatch.setattr(host, 'host', lambda: {'machine': 'x86_64', 'features': cpu})
        project = keyed.project()
        return {
            native: {project.key(step) for step in project.plan.steps.values() if step.host is native}
            for native in (True, False)
        }

    keyed.edit('net.yaml', 'torch: []', 'torch: []\n  ort: [onnx, ort]')
    one, two = keys('avx2'), keys('avx2 avx512f')
    assert one[True]
    assert not one[True] & two[True]
    assert one[False] == two[False]
