"""Every JSON document that we write or take: its schema, made from the code, and whether a document keeps it.

Nothing here is on the way of loading, pulling or an idle build: readers of our own are stricter and faster.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from stages.contract.engine import Engine
from stages.contract.port import MANIFEST, MANIFEST_FORMAT, Contract
from stages.deliver import documents, notes
from stages.deliver.documents import lock_schema, policy_schema, provenance_schema, release_schema
from stages.deliver.pins import FILE as LOCK
from stages.deliver.policy import FILE as POLICY
from stages.document.manifest import Manifest
from stages.document.schema import Schema, document_schema
from stages.engines import ENGINES, OURS
from stages.errors import ToolError
from stages.execute.capsule import Capsule
from stages.execute.project import STATE
from stages.measure.figures import Check
from stages.measure.samples import Raw
from stages.recipe.mistakes import Mistakes
from stages.recipe.schema import recipe_schema
from stages.recipe.strict_yaml import plain, read_yaml
from stages.report import record

SHOWN: Final = 5
"""How many problems of one document are told."""


CLASSES: Final[Mapping[str, type[Any]]] = {
    'index': documents.Index,
    'oci-layout': documents.Layout,
    'config': documents.ModelConfig,
    'referrer': documents.Referrer,
    'docker-config': documents.DockerConfig,
    'comparison': documents.Group,
    'conversions': documents.Conversions,
    'pulled': notes.PulledRecord,
    'check': Check,
    'refusal': notes.Refusal,
    'capsule': Capsule,
    'request': notes.Request,
    'answer': notes.Answer,
    'result': notes.Left,
    'stamp': notes.Stamp,
    'failed': notes.Failed,
    'delivered': notes.Delivered,
    'reported': notes.Reported,
    'lineage': notes.Lineage,
    'code': notes.Code,
    'history': notes.History,
    'session': notes.Session,
    'sessions': notes.Sessions,
}
"""Documents that are what their classes say, by their names."""


def _contract() -> Schema:
    return document_schema(Contract, 'Modelkiln contract', format=1, required=('inputs', 'outputs'))


def _manifest() -> Schema:
    return document_schema(Manifest, 'Modelkiln manifest', format=MANIFEST_FORMAT, required=('format',))


def _report() -> Schema:
    return document_schema(record.Report, 'Modelkiln report', format=record.FORMAT, required=('format',))


def _samples() -> Schema:
    return document_schema(Raw, 'Modelkiln samples', format=Raw.format, required=('format', 'clock'))


def _documents(engine: Engine) -> Iterable[tuple[str, type[Any]]]:
    """Return the JSON files beside a model that an engine reads, and what each is."""
    read: Mapping[str, type[Any]] = getattr(engine, 'DOCUMENTS', {})
    return read.items()


def _read_by(file: str, cls: type[Any]) -> Schema:
    return document_schema(cls, f'Modelkiln {Path(file).stem}', format=cls.format, required=('format',))


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    'recipe': recipe_schema,
    'contract': _contract,
    'manifest': _manifest,
    'report': _report,
    'samples': _samples,
    'release': release_schema,
    'provenance': provenance_schema,
    'policy': policy_schema,
    'lock': lock_schema,
    **{name: partial(document_schema, cls, f'Modelkiln {name}', format=1) for name, cls in CLASSES.items()},
    **{Path(file).stem: partial(_read_by, file, cls) for engine in OURS.values() for file, cls in _documents(engine)},
}
"""By the name of a document: how its schema is made."""

NOTED: Final = (
    ('result', 'store/results/*/*.json'), ('sessions', 'store/samples/[0-9a-f][0-9a-f]/*.json'),
    ('session', 'store/samples/sessions/*.json'), ('stamp', 'steps/*.json'), ('delivered', 'artifacts/*/*.json'),
    ('reported', 'reports/*.json'), ('lineage', 'lineage/[!.]*/*.json'), ('code', 'lineage/.code/*.json'),
    ('history', 'history/*.json'),
)  # fmt: skip
"""What lies below .modelkiln/, and the schema of each: all of format 1, which those without a format are too."""


def problems(name: str, documents: Mapping[str, Any]) -> list[str]:
    """Return where documents, by what people call them, do not keep the schema ``name``: each with its place.

    Raises ToolError where jsonschema is not installed.
    """
    return against(SCHEMAS[name](), documents)


def against(schema: Schema, documents: Mapping[str, Any]) -> list[str]:
    """Return the same of documents that a schema is given for."""
    try:
        import jsonschema
    except ModuleNotFoundError as error:
        raise ToolError('schemas are checked by jsonschema, not installed here; run: pip install jsonschema') from error
    validator = jsonschema.Draft202012Validator(schema)
    told = []
    for called, document in documents.items():
        found = sorted((_place(error.absolute_path), error.message) for error in validator.iter_errors(document))
        told += [f'{called}: {place}: {message[:200]}' for place, message in found[:SHOWN]]
    return told


def beside(folder: Path, engine: Any) -> list[str]:
    """Return what in the folder of an artifact, besides its manifest, does not keep its schema, as ``engine`` reads it.

    Files of a format that this version does not write may be there.
    """
    told = []
    for file, cls in _documents(ENGINES[engine]) if isinstance(engine, str) and engine in ENGINES else ():
        found = _read(folder / file)
        if not isinstance(found, dict) or found.get('format', cls.format) == cls.format:
            told += against(_read_by(file, cls), {file: found})
    return told


def in_project(root: Path) -> list[str]:
    """Return what in a project does not keep its schema: recipes, manifests, reports, samples; older formats may stay.

    A recipe is held against it that our own reader takes: what the two say never differs.
    """
    # jsonschema would load the grammar of IRIs, which takes seconds, for a format that none of these schemas has
    sys.modules.setdefault('rfc3987_syntax', None)  # type: ignore[arg-type]
    whole = [path for path in sorted((root / 'recipes').glob('*.yaml')) if not path.name.startswith('_')]
    recipes = {_called(path, root): _recipe(path) for path in whole}
    told = problems('recipe', {name: found for name, found in recipes.items() if found is not None})
    return told + _published(root)


def in_notes(root: Path) -> list[str]:
    """Return what a project wrote that does not keep its schema: what is there for others, and below .modelkiln/.

    Of formats that this version does not write anything may stay as it is.
    """
    state = root / STATE
    return _published(root) + _noted(state)


def _noted(state: Path) -> list[str]:
    told = []
    for name, places in NOTED:
        found = {_called(path, state.parent): _read(path) for path in sorted(state.glob(places))}
        now = {called: it for called, it in found.items() if not isinstance(it, dict) or it.get('format', 1) == 1}
        if name == 'sessions':  # before there were sessions, each row had its samples there: nothing reads those now
            now = {called: it for called, it in now.items() if not isinstance(it, dict) or 'cycles' not in it}
        failed = {called for called, it in now.items() if name == 'stamp' and isinstance(it, dict) and 'failed' in it}
        told += problems(name, {called: it for called, it in now.items() if called not in failed})
        told += problems('failed', {called: now[called] for called in failed})
    return told


def _published(root: Path) -> list[str]:
    """Return the same of what is there for others: below artifacts/, the policy and the lock file."""
    told = []
    for name, places, format in (
        ('manifest', f'*/*/{MANIFEST}', MANIFEST_FORMAT), ('report', '*/report.json', record.FORMAT),
        ('samples', '*/samples.json', Raw.format), ('comparison', '*/comparison.json', 1),
    ):  # fmt: skip
        found = {_called(path, root): _read(path) for path in sorted((root / 'artifacts').glob(places))}
        now = {called: it for called, it in found.items() if not isinstance(it, dict) or it.get('format') == format}
        told += problems(name, now)
        if name == 'manifest':
            engines = {Path(called).parent: it.get('engine') for called, it in found.items() if isinstance(it, dict)}
            for place, engine in engines.items():
                told += [f'{place.as_posix()}/{line}' for line in beside(root / place, engine)]
    if (root / POLICY).is_file():
        told += problems('policy', {POLICY: tomllib.loads((root / POLICY).read_text('utf-8'))})
    if (root / LOCK).is_file():
        told += problems('lock', {LOCK: _read(root / LOCK)})
    return told


def _recipe(path: Path) -> Any:
    node = read_yaml(path.read_text('utf-8'), Mistakes(path.name))
    return None if node is None else plain(node)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return f'cannot be read: {error}'


def _called(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _place(path: Any) -> str:
    parts = ''.join(f'[{part}]' if isinstance(part, int) else f'.{part}' for part in path)
    return parts.removeprefix('.') or 'the whole'
