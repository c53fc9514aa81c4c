"""What modelkiln.toml allows, and how a name becomes a place."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from stages.command.main import main
from stages.deliver import pins
from stages.deliver.policy import Policy, place_of, policy_for
from stages.deliver.registry.address import Address, address
from stages.deliver.schemas import problems
from stages.errors import IntegrityError, RecipeError
from tests.deliver.releases import made, pushed

DIGEST = 'sha256:' + 'a' * 64


@pytest.mark.parametrize(
    ('text', 'scheme', 'place', 'tag', 'sha256'),
    [
        ('oci://host.io/a/b', 'oci', 'host.io/a/b', '', ''),
        ('oci://host.io:5000/a/b:1.2', 'oci', 'host.io:5000/a/b', '1.2', ''),
        (f'oci://[::1]:5000/a@{DIGEST}', 'oci', '[::1]:5000/a', '', 'a' * 64),
        ('s3://bucket/models/net:stable', 's3', 'bucket/models/net', 'stable', ''),
        ('file:///srv/net:v1', 'file', '/srv/net', 'v1', ''),
        ('net:v1', '', 'net', 'v1', ''),
        (f'team/net@{DIGEST}', '', 'team/net', '', 'a' * 64),
    ],
)
def test_an_address_is_read_as_it_is_meant(text, scheme, place, tag, sha256):
    assert address(text) == Address(scheme, place, tag, sha256)
    assert str(address(text)) == text


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (f'oci://host/a:v1@{DIGEST}', 'a tag and a digest'),
        ('oci://host/a@sha256:12', 'is no digest'),
        ('oci://host/a:-x', 'is no tag'),
        ('oci://me:secret@host/a', 'login'),
        ('oci://host/UPPER', 'is no name in a registry'),
        ('oci://host', 'is no name in a registry'),
        ('file://relative', 'expected a whole path'),
        ('s3://bucket/../other', '`..`'),
        ('../net', 'is no name'),
        ('', 'is no name'),
    ],
)
def test_what_is_no_address_is_said(text, words):
    with pytest.raises(RecipeError, match=words):
        address(text)


def written(folder: Path, text: str, name: str = 'modelkiln.toml') -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def test_the_nearest_policy_counts_and_its_files_lie_beside_it(tmp_path):
    written(tmp_path, 'registries = ["oci://far.io/m"]')
    near = written(tmp_path / 'near', '[tool.modelkiln]\nkeep = 5\nkeys = ["a.pub"]\n', 'pyproject.toml')
    (near / 'a.pub').write_text('x')
    (near / 'below').mkdir()

    policy = policy_for(near / 'below')

    assert (policy.keep, policy.signed, policy.key_files) == (5, True, (near / 'a.pub',))


def test_every_mistake_of_a_policy_is_told_with_its_line(tmp_path):
    written(tmp_path, 'keeps = 3\nkeep = 0\nsignature = "yes"\nkeys = ["gone.pub"]\nregistries = ["models"]\n')

    with pytest.raises(RecipeError) as told:
        policy_for(tmp_path)

    assert [problem.partition(': ')[0].rpartition(':')[2] for problem in told.value.problems] == [
        '1',
        '2',
        '3',
        '4',
        '5',
    ]
    assert 'did you mean `keep`?' in str(told.value) and 'gone.pub' in str(told.value)


def test_a_signature_cannot_be_demanded_without_a_key(tmp_path):
    with pytest.raises(RecipeError, match='no `keys` are named'):
        policy_for(written(tmp_path, 'signature = "required"\n'))


def test_a_name_lies_in_the_first_registry_and_other_places_are_refused():
    policy = Policy(registries=('oci://host.io/models', 's3://bucket'), file='modelkiln.toml')

    assert str(place_of(policy, 'net:v1')) == 'oci://host.io/models/net:v1'
    assert str(place_of(policy, 's3://bucket/net')) == 's3://bucket/net'
    for other in ('oci://host.io/modelsother/net', 'oci://evil.io/models/net', 'file:///models/net'):
        with pytest.raises(RecipeError, match=r'allows .* only'):
            place_of(policy, other)
    with pytest.raises(RecipeError, match='give one of them'):
        place_of(policy, 's3://bucket/net', 's3://bucket')
    with pytest.raises(RecipeError, match='name its place'):
        place_of(Policy(), 'net')


def test_a_server_is_not_spoken_to_without_tls_unless_the_policy_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(written(tmp_path / 'project', 'keep = 2\n'))

    assert main(['pull', 'http://models.example/net', '--to', str(tmp_path / 'to')]) == 7
    assert '`plain-http`' in capsys.readouterr().err


def test_a_lock_pins_what_was_pulled_and_locked_takes_nothing_else(tmp_path, monkeypatch, capsys):
    one, two = made(tmp_path / 'one', {'m': b'1'}), made(tmp_path / 'two', {'m': b'2'})
    place = f'file://{tmp_path}/models/net'
    pushed(one, place, 'stable')
    monkeypatch.chdir(written(tmp_path / 'project', f'registries = ["file://{tmp_path}/models"]\n'))

    assert main(['pull', 'net:stable', '--to', 'to', '--lock']) == 0
    pushed(two, place, 'stable')
    assert main(['pull', 'net:stable', '--to', 'to', '--locked']) == 0
    assert (tmp_path / 'project/to/current').resolve().name == one.release.sha256
    assert json.loads(Path('modelkiln.lock').read_bytes())['releases'] == {f'{place}:stable': one.release.digest}
    assert main(['pull', 'net:other', '--to', 'to', '--locked']) == 2
    assert main(['pull', f'net@{two.release.digest}', '--to', 'to', '--locked']) == 2
    assert main(['pull', 'net:stable', '--to', 'to']) == 0
    assert (tmp_path / 'project/to/current').resolve().name == two.release.sha256


def test_a_broken_lock_is_no_lock_at_all(tmp_path):
    (tmp_path / 'modelkiln.lock').write_text('{"format": 1, "releases": {"a": "sha256:12"}}')

    with pytest.raises(IntegrityError, match='its digest is'):
        pins.pinned(tmp_path / 'modelkiln.lock', address('oci://h.io/a:v1'))


@pytest.mark.parametrize(
    'text',
    [
        'keep = 1', 'keep = 0', 'keep = true', 'keep = "3"', 'signature = "optional"', 'signature = "sometimes"',
        'registries = []', 'registries = "oci://h.io/m"', 'registries = ["oci://h.io/m"]', 'plain-http = ["h:5000"]',
        'plain-http = [5000]', 'plain_http = ["h:5000"]', 'file = "x"', 'ca = 3', 'other = 1',
    ],
)  # fmt: skip
def test_the_schema_of_a_policy_and_its_reader_say_the_same(tmp_path, text):

    told = problems('policy', {'it': tomllib.loads(text)})
    try:
        policy_for(written(tmp_path, text))
        read = True
    except RecipeError:
        read = False

    assert read == (not told)
