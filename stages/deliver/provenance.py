"""Where a release comes from: an in-toto Statement with SLSA provenance.

Sources: in-toto attestation framework, Statement v1; slsa.dev/spec/v1.0/provenance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from stages import __version__
from stages.deliver.release import Layer
from stages.document.manifest import Manifest
from stages.recipe.model import Fetch, Recipe

STATEMENT: Final = 'https://in-toto.io/Statement/v1'
PREDICATE: Final = 'https://slsa.dev/provenance/v1'
BUILD_TYPE: Final = 'urn:modelkiln:recipe:1'
"""Names what the parameters mean: a variant of a recipe, its stages in order, each with the key of its step."""

ADDRESS: Final = "%/:?#@!$&'()*+,;=~"
"""Signs of an address that mean something in it."""

BUILDER: Final = 'urn:modelkiln:local'
"""Whoever ran the command, on a machine of his own: SLSA build level 0, unless what runs it says more."""

MEASURED: Final = (
    'latency_seconds',
    'first_seconds',
    'load_seconds',
    'peak_memory_bytes',
    'threads',
    'batch',
    'cycles',
)


def provenance(
    recipe: Recipe,
    manifest: Manifest,
    files: Iterable[Layer],
    read: Mapping[str, str],
    made: Mapping[str, str],
    forced: Iterable[str],
) -> dict[str, Any]:
    """Return the statement about ``files``.

    ``read`` are the files of the project that it was made from, ``made`` those that were left beside it, each with its
    sha256. No times are in it: the same build says the same.
    """
    return {
        '_type': STATEMENT,
        'subject': [{'name': file.name, 'digest': {'sha256': file.sha256}} for file in files],
        'predicateType': PREDICATE,
        'predicate': {
            'buildDefinition': {
                'buildType': BUILD_TYPE,
                'externalParameters': {'recipe': recipe.file, 'variant': manifest.variant},
                'internalParameters': {
                    'stages': [
                        {
                            'kind': stage.kind,
                            'params': dict(stage.params),
                            'key': stage.key,
                            'platform': dict(stage.platform),
                        }
                        for stage in manifest.stages
                    ],
                    'engine': manifest.engine,
                    'options': dict(manifest.options),
                    'check': dict(manifest.check),
                    'measured': _measured(manifest),
                    'forced': list(forced),
                },
                'resolvedDependencies': [*_sources(recipe), *_files(read), *_tools(manifest)],
            },
            'runDetails': {
                'builder': {'id': BUILDER, 'version': {'modelkiln': __version__}},
                'metadata': {'invocationId': manifest.key},
                'byproducts': _files(made),
            },
        },
    }


def uri_of(fetch: Fetch) -> str:
    """Return a file from outside as a URI: a package URL, the address, or its place in the project.

    What a URI may not hold is written by its bytes: names of files have spaces, letters of all scripts, and patterns.
    """
    within = f'#{quote(fetch.file)}' if fetch.file else ''
    if fetch.where == 'pip':
        name, _, version = fetch.name.partition('==')
        return f'pkg:pypi/{name.lower().replace("_", "-")}@{version}{within}'
    if fetch.where == 'hf':
        return f'pkg:huggingface/{quote(fetch.name, safe="/@")}{within}'
    return quote(fetch.name, safe=ADDRESS) if fetch.where == 'https' else f'recipes/{quote(fetch.name)}'


def fetches_of(recipe: Recipe) -> list[tuple[str, Fetch]]:
    """Return every file from outside that a recipe names, and what it is there for."""
    found = [('source', fetch) for fetch in recipe.source.files]
    return found + [(data.role, fetch) for data in recipe.data.values() for fetch in data.files]


def _sources(recipe: Recipe) -> list[dict[str, Any]]:
    return [
        {'uri': uri_of(fetch), 'name': what, 'digest': {'sha256': fetch.sha256}} for what, fetch in fetches_of(recipe)
    ]


def _files(files: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{'uri': name, 'digest': {'sha256': sha256}} for name, sha256 in sorted(files.items())]


def _tools(manifest: Manifest) -> list[dict[str, Any]]:
    tools = {tool: version for stage in manifest.stages for tool, version in stage.tools.items()}
    return [{'uri': f'pkg:pypi/{tool}@{version}', 'name': tool} for tool, version in sorted(tools.items())]


def _measured(manifest: Manifest) -> dict[str, Any] | None:
    if manifest.measured is None:
        return None
    return {name: manifest.measured[name] for name in MEASURED if name in manifest.measured}
