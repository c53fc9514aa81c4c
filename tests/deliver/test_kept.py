"""Every format version that was ever written: one file each, as that version wrote it, is read and keeps its schema.

``kept/NAME-VERSION[-LETTER].json``: letters are for a format that got fields which older files lack. Paths of machines
in them were replaced by others; nothing else was touched. A file is added when a format changes, and none is changed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stages.command.answers import DOCUMENTS
from stages.contract.port import contract_of
from stages.deliver import pins
from stages.deliver.pulled import Pulled
from stages.deliver.registry.address import address
from stages.deliver.release import read_release
from stages.deliver.schemas import against, problems
from stages.document.manifest import manifest_of
from stages.execute import capsule
from stages.execute.project import STATE
from stages.frameworks.tvm.emit import library
from stages.layout import history, sessions
from stages.layout.artifact import read_delivered
from stages.layout.pages import read_reported
from stages.measure.figures import read_check
from stages.measure.samples import samples_of
from stages.report.kept import read_kept
from stages.store.records import read_record
from stages.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted(Path(__file__).with_name('kept').glob('*.json'))
OLDER = {'manifest-1'}
"""Of a format before the one that today's schema is of: read, and no more."""

ELSEWHERE = {'recipe', 'policy', 'docker-config', 'conversions'}
"""Documents that are kept elsewhere (recipes/, docs/), or that are no JSON, or are others'."""


def named(path: Path) -> tuple[str, str]:
    """Return the document that a kept file is, and its version."""
    words = path.stem.split('-')
    letter = len(words[-1]) == 1 and words[-1].isalpha()
    return '-'.join(words[: -2 if letter else -1]), words[-2 if letter else -1]


@pytest.mark.parametrize('path', KEPT, ids=lambda path: path.stem)
def test_what_was_ever_written_keeps_the_schema_of_its_format(path):
    name, version = named(path)
    schema = DOCUMENTS[name]()

    assert path.stem in OLDER or schema['$id'].endswith(f':{version}')
    if path.stem not in OLDER:
        assert against(schema, {path.name: json.loads(path.read_bytes())}) == []


def test_every_document_has_a_kept_file():
    assert {named(path)[0] for path in KEPT} == {*DOCUMENTS} - ELSEWHERE


@pytest.mark.parametrize('path', [p for p in KEPT if p.stem.startswith('report-')], ids=lambda path: path.stem)
def test_reports_of_every_version_say_the_same_of_the_same_measurement(path):
    read = read_kept(path)

    assert (read.model, read.baseline, read.chosen, len(read.rows)) == ('rnet', 'torch', 'ov-int8', 10)
    assert read.best is not None and read.best.latency is not None and read.best.speed is not None
    assert read.grade == 'ship'


@pytest.mark.parametrize('path', [p for p in KEPT if p.stem.startswith('samples-')], ids=lambda path: path.stem)
def test_samples_of_every_version_have_times(path):
    variants = json.loads(path.read_bytes())['variants']
    read = [samples_of(one) for rows in variants.values() for one in rows]

    assert read
    assert all(cycle.time_ns and cycle.inner >= 1 for one in read for cycle in one.cycles)
    assert all(one.threads and one.machine for one in read)


def file(name: str) -> Path:
    return Path(__file__).with_name('kept') / f'{name}.json'


def laid(name: str, place: str, home: Path) -> Path:
    """Lay a kept file where its reader looks."""
    to = home / place
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file(name), to)
    return to


def test_manifests_of_every_version_are_read():
    first, second = (manifest_of(json.loads(file(f'manifest-{n}').read_bytes()), 'm') for n in ('1', '2-a'))

    assert (first.format, first.engine, bool(first.files)) == (1, 'tensorflow', True)
    assert second.threads == (second.measured or {}).get('threads', 1)
    for letter in 'abc':
        assert manifest_of(json.loads(file(f'manifest-2-{letter}').read_bytes()), 'm').inputs


def test_checks_of_every_version_are_read():
    first, later = (read_check(file(f'check-1-{letter}').read_bytes()) for letter in 'ab')

    assert first.difference is not None and later.difference is not None
    assert (first.difference.cosine, later.difference.cosine) == (1.0, 1.0)
    assert contract_of(later.contract).outputs[0].name == 'out:1'


def test_a_capsule_that_knew_no_hosts_had_none(tmp_path):
    laid('capsule-1-a', 'capsule.json', tmp_path)

    read = capsule.read(tmp_path)

    assert (read.kind, read.hosts, read.nearby) == ('onnx-quantize', (), ())


def test_notes_of_every_version_are_read(tmp_path):
    for letter in 'ab':
        delivered = read_delivered(file(f'delivered-1-{letter}'))
        assert delivered is not None and delivered['files']
    assert read_reported(file('reported-1')) is not None
    assert read_record(file('failed-1'), {'failed': str, 'tried': str})
    assert read_record(file('stamp-1'), {'key': str, 'digest': str})
    assert read_record(file('lineage-1'), {'places': dict}) and read_record(file('code-1'), {'modules': dict})
    for letter in 'abc':
        key = letter * 64
        laid(f'result-1-{letter}', f'store/results/{key[:2]}/{key}.json', tmp_path)
        result = Store(tmp_path / 'store').recorded(key)
        assert result is not None and [*result.files] == ['data.npz']


def test_a_history_and_a_session_are_read(tmp_path):
    laid('history-1', f'{STATE}/history/model-1.json', tmp_path)
    laid('session-1', 'samples/sessions/abc.json', tmp_path)
    laid('sessions-1', 'samples/ab/abc.json', tmp_path)

    assert history.before(tmp_path, 'model-1', 0).model == 'model-1'
    assert sessions.is_readable(tmp_path / 'samples/sessions/abc.json')
    assert sessions.is_readable(tmp_path / 'samples/ab/abc.json')


def test_what_deployments_keep_is_read(tmp_path):
    laid('pulled-1', 'pulled.json', tmp_path)
    place = address('oci://registry.example/models/rnet:stable')

    assert [version.place for version in Pulled(tmp_path).history()] == ['file:///srv/net']
    assert pins.pinned(file('lock-1'), place).startswith('cb288c59')
    release = read_release(file('release-1').read_bytes(), 'release-1.json')
    assert [layer.name for layer in release.layers][:2] == ['deep/model.data', 'manifest.json']
    assert release.sha256 == 'cb288c5950baf8b3a24975304c14b67661042183b481c505a4b9317185925bd0'


def test_the_map_of_conversions_keeps_its_schema():
    assert problems('conversions', {'c': json.loads((ROOT / 'docs/conversions.json').read_bytes())}) == []


def test_libraries_of_every_version_are_read(tmp_path):
    for letter, named in (('a', ['x']), ('b', ['in.x/data', 'ids:0', 'flag', 'h/in'])):
        laid(f'library-1-{letter}', library.FILE, tmp_path)

        assert [port.name for port in library.read(tmp_path).inputs] == named
