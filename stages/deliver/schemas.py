"""Every JSON document that we write or take: its schema, made from the code, and whether a document keeps it.

Nothing here is on the way of loading, pulling or an idle build: readers of our own are stricter and faster.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from stages.contract.port import MANIFEST, MANIFEST_FORMAT, Contract
from stages.deliver.documents import lock_schema, policy_schema, provenance_schema, release_schema
from stages.deliver.policy import FILE as POLICY
from stages.document.manifest import Manifest
from stages.document.schema import Schema, document_schema
from stages.errors import ToolError
from stages.measure.samples import Raw
from stages.recipe.mistakes import Mistakes
from stages.recipe.schema import recipe_schema
from stages.recipe.strict_yaml import plain, read_yaml
from stages.report import record

SHOWN: Final = 5
"""How many problems of one document are told."""


def _contract() -> Schema:
    return document_schema(Contract, 'Modelkiln contract', format=1, required=('inputs', 'outputs'))


def _manifest() -> Schema:
    return document_schema(Manifest, 'Modelkiln manifest', format=MANIFEST_FORMAT, required=('format',))


def _report() -> Schema:
    return document_schema(record.Report, 'Modelkiln report', format=record.FORMAT, required=('format',))


def _samples() -> Schema:
    return document_schema(Raw, 'Modelkiln samples', format=Raw.format, required=('format', 'clock'))


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
}
"""By the name of a document: how its schema is made."""


def schema_text(name: str) -> str:
    """Return a schema as it is published."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + '\n'


def problems(name: str, documents: Mapping[str, Any]) -> list[str]:
    """Return where documents, by what people call them, do not keep the schema ``name``: each with its place.

    Raises ToolError where jsonschema is not installed.
    """
    try:
        import jsonschema
    except ModuleNotFoundError as error:
        raise ToolError('schemas are checked by jsonschema, not installed here; run: pip install jsonschema') from error
    validator = jsonschema.Draft202012Validator(SCHEMAS[name]())
    told = []
    for called, document in documents.items():
        found = sorted((_place(error.absolute_path), error.message) for error in validator.iter_errors(document))
        told += [f'{called}: {place}: {message[:200]}' for place, message in found[:SHOWN]]
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
    for name, places, format in (
        ('manifest', f'*/*/{MANIFEST}', MANIFEST_FORMAT), ('report', '*/report.json', record.FORMAT),
        ('samples', '*/samples.json', Raw.format),
    ):  # fmt: skip
        found = {_called(path, root): _read(path) for path in sorted((root / 'artifacts').glob(places))}
        now = {called: it for called, it in found.items() if not isinstance(it, dict) or it.get('format') == format}
        told += problems(name, now)
    if (root / POLICY).is_file():
        told += problems('policy', {POLICY: tomllib.loads((root / POLICY).read_text('utf-8'))})
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
