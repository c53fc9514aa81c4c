"""What no recipe asks for any more goes with the next full run; what is not as we left it is not ours to take."""

from __future__ import annotations

import os

from stages.layout.stale import stale
from tests.faults.conftest import chain as chain

STEP = {'name': 'a', 'text': 'A'}
OTHER = {'w': [{'name': 'x', 'text': 'X'}], 'z': [{'name': 'y', 'text': 'Y'}]}


def both(chain):
    chain.set(STEP, others=OTHER)
    assert chain.doit()[0] == 0
    chain.set(STEP)


def test_a_variant_that_is_gone_goes_with_the_next_run(chain):
    both(chain)
    assert [one.name for one in stale(chain.project())] == ['fake:w', 'fake:z']

    code, text = chain.doit()

    assert code == 0
    assert [line for line in text.splitlines() if 'gone' in line] == ['  gone    fake:w', '  gone    fake:z']
    assert os.listdir(chain.root / 'artifacts/fake') == ['v']
    assert stale(chain.project()) == []
    assert 'gone' not in chain.doit()[1]


def test_one_variant_asked_for_leaves_the_others_alone(chain):
    both(chain)

    assert chain.doit('fake:v')[0] == 0

    assert chain.artifact('w').read_text() == 'X'


def test_what_somebody_changed_or_added_stays_and_is_named(chain):
    both(chain)
    folder = chain.artifact('w').parent
    chain.artifact('w').write_text('mine')
    (folder / 'notes').mkdir()
    (folder / 'notes/mine.txt').write_text('mine')

    code, text = chain.doit()

    assert code == 0
    assert sorted(os.listdir(folder)) == ['notes', 'out.txt']
    assert 'artifacts/fake/w/out.txt is not as it was delivered, so it stays' in text
    assert 'artifacts/fake/w/notes/mine.txt is not as it was delivered, so it stays' in text
    assert not chain.artifact('z').parent.exists()


def test_a_folder_that_became_a_link_is_not_followed(chain, tmp_path):
    both(chain)
    folder = chain.artifact('w').parent
    folder.rename(tmp_path / 'elsewhere')
    folder.symlink_to(tmp_path / 'elsewhere')

    assert chain.doit()[0] == 0

    assert (tmp_path / 'elsewhere/out.txt').read_text() == 'X'


def test_a_recipe_that_is_gone_goes_with_all_its_variants(chain):
    chain.doit()
    (chain.state / 'artifacts/fake').rename(chain.state / 'artifacts/old')
    (chain.root / 'artifacts/fake').rename(chain.root / 'artifacts/old')

    code, text = chain.doit()

    assert (code, 'gone    old:v' in text) == (0, True)
    assert os.listdir(chain.root / 'artifacts') == ['fake']
    assert chain.artifact().read_text() == 'ABC'


def test_going_back_delivers_without_building(chain):
    both(chain)
    chain.doit()
    chain.ran()
    chain.set(STEP, others=OTHER)

    assert chain.doit()[0] == 0

    assert (chain.artifact('w').read_text(), chain.ran()) == ('X', [])
