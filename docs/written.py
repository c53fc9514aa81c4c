"""The reference, written from the code: commands, recipe, sources, kinds, engines, exit codes; a function each."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from stages import errors
from stages.command.answers import DOCUMENTS, schema_file, schema_text
from stages.command.main import parser
from stages.document.schema import described
from stages.engines import ENGINES
from stages.frameworks.caffe import layers as caffe
from stages.frameworks.caffe2 import operators as caffe2
from stages.frameworks.coreml import layers as networks
from stages.frameworks.coreml import operators as coreml
from stages.frameworks.darknet import layers as darknet
from stages.judges import JUDGES
from stages.kinds import KINDS
from stages.readers import READERS
from stages.recipe.schema import PLACE, recipe_schema
from stages.sources import SOURCES

WORDS = {
    'string': 'text', 'object': 'a map', 'integer': 'a whole number', 'number': 'a number', 'boolean': 'yes or no',
    'array': 'a list', 'null': 'nothing',
}  # fmt: skip
"""What types of JSON Schema are called here."""


def pages() -> dict[str, str]:
    """Return each page of the reference that the code writes, as Markdown by its name."""
    return {
        'commands': commands(),
        'recipe': recipe(),
        'sources': sources(),
        'readers': readers(),
        'metrics': metrics(),
        'kinds': kinds(),
        'layers': layers(),
        'engines': engines(),
        'exit-codes': exit_codes(),
        'documents': documents(),
    }


def schemas() -> dict[str, str]:
    """Return the schema of each JSON document that is written or taken, by the name of its file."""
    return {schema_file(name): schema_text(name) for name in DOCUMENTS}


def documents() -> str:
    """Return every JSON document, what it is, and where its schema lies beside these pages."""
    rows = ['| document | what it is | schema |', '|---|---|---|']
    for name in DOCUMENTS:
        file, what = schema_file(name), DOCUMENTS[name]().get('description', '')
        rows.append(f'| `{name}` | {what} | [{file}](../published/schemas/{file}) |')
    told = (
        'Every JSON document that is written, printed (`--json`) or taken from outside. `modelkiln schema NAME` prints '
        'its schema, `modelkiln verify --schemas` holds what is there against them. A version goes up when older '
        'readers could not read it; what only gets a field keeps it. Every version that was ever written is read.'
    )
    return _titled('Documents', 1, told, '\n'.join(rows))


def keep(path: Path, text: str) -> None:
    """Write a page, unless it holds this text already: Sphinx reads again what is newer."""
    if not path.exists() or path.read_text('utf-8') != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, 'utf-8')


def commands() -> str:
    """Return every verb of ``modelkiln`` with its help, as argparse prints it."""
    top = parser()
    verbs = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    told = [_titled(f'modelkiln {name}', 2, _code(verb.format_help())) for name, verb in verbs.choices.items()]
    return _titled('Commands', 1, _code(top.format_help()), *told)


def recipe() -> str:
    """Return every field of a recipe, by the schema that editors use; the kinds have a page of their own."""
    schema = recipe_schema()
    parts = [
        _titled(_shown(name), 2, part.get('description', ''), _takes(part) + '.', *map(_fields, _objects(part)))
        for name, part in schema['$defs'].items()
        if not name.startswith(('kind-', 'reader-', 'metric-'))
    ]
    told = (
        f'{schema["description"]} A field in bold has to be there. The kinds and their parameters: [kinds](kinds.md).'
    )
    return _titled('Recipe', 1, told, _fields(schema), *parts)


def sources() -> str:
    """Return each form in which a trained model may come."""
    told = [_titled(f'`{name}`', 2, _prose(module)) for name, module in SOURCES.items()]
    return _titled('Sources', 1, 'A recipe’s `source:` names one of these.', *told)


def readers() -> str:
    """Return each word that reads data without Python, and its parameters."""
    told = [_titled(f'`{name}`', 2, _prose(module), _params(module.Params)) for name, module in READERS.items()]
    return _titled(
        'Readers', 1, 'What `data:` may come as: a word beside the files. How: [data](../how-to/data.md).', *told
    )


def metrics() -> str:
    """Return each metric, which way is good, what values it has, and what it has to be told."""
    told = [
        _titled(f'`{name}`', 2, f'{module.BETTER.capitalize()} is better, {_ends(module.RANGE)}.', _prose(module),
                _params(module.Params))
        for name, module in JUDGES.items()
    ]  # fmt: skip
    ours = (
        'What `metric:` of `evaluate` may be: a word, or a mapping `{of: WORD, …}`, or Python of yours, '
        '`models/file.py:function`. Drops (`max_drop`, `accuracy_drop`) are in the metric’s own units.'
    )
    classes = (
        'The share of answers that choose the label (`top1`), or that choose as the source model does (`agreement`). '
        'Higher is better, 0 to 1. `axis` says where the classes are, `threshold` from what on one column is class 1.'
    )
    return _titled('Metrics', 1, ours, _titled('`top1`, `agreement`', 2, classes), *told)


def _ends(ends: tuple[float, float] | None) -> str:
    return f'{ends[0]:g} to {ends[1]:g}' if ends else 'without a bound'


def kinds() -> str:
    """Return each kind, what it takes and gives, and its parameters."""
    parts = []
    for name, ways in KINDS.items():
        told = [
            f'{_said(way.ACCEPTS)} → {_said((way.GIVES,))}\n\n{_prose(way)}\n\n{_params(way.Params)}' for way in ways
        ]
        parts.append(_titled(f'`{name}`', 2, *told))
    return _titled('Kinds', 1, 'What can be done to a model. A variant is a list of these words.', *parts)


def layers() -> str:
    """Return which layers our own readers read, by format, and which documented ones they do not."""
    told = []
    for title, read, left in (
        ('Caffe', caffe.LAYERS, caffe.NOT_READ),
        ('Darknet', darknet.LAYERS, darknet.NOT_READ),
        ('Caffe2', caffe2.OPERATORS, caffe2.NOT_READ),
        ('Core ML programs', coreml.OPERATORS, coreml.NOT_READ),
        ('Core ML neural networks', networks.LAYERS, networks.NOT_READ),
    ):
        rest: dict[str, list[str]] = {}
        for word, why in left.items():
            rest.setdefault(why, []).append(f'`{word}`')
        rows = [(', '.join(sorted(words)), why) for why, words in rest.items()]
        count = f'{len(read)} are read: ' + ', '.join(f'`{word}`' for word in sorted(read)) + '.'
        told.append(_titled(title, 2, count, f'{len(left)} are not:', _table(('layers', 'why'), rows)))
    return _titled(
        'Layers that our readers read', 1, 'Of formats that no converter of today reads; each by a table.', *told
    )


def engines() -> str:
    """Return each engine, the formats it runs, and what ``run:`` may set."""
    told = [
        _titled(f'`{name}`', 2, f'Runs {_said(module.RUNS)}.', _prose(module), _params(module.Options))
        for name, module in ENGINES.items()
    ]
    return _titled('Engines', 1, 'What runs a model, and what `run:` of a variant may set.', *told)


def exit_codes() -> str:
    """Return each error class with the exit code that it owns."""
    rows = [
        (str(kind.exit_code), f'`{kind.__name__}`', (kind.__doc__ or '').splitlines()[0])
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, errors.ModelkilnError)
    ]
    return _titled('Exit codes', 1, _table(('code', 'error', 'when'), sorted(rows, key=lambda row: int(row[0]))))


def _params(params: Any) -> str:
    """Return a table of a dataclass's fields, their types, defaults and meanings."""
    about = described(params)
    rows = []
    for field in fields(params):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        rows.append((f'`{field.name}`', f'`{field.type}`', f'`{default!r}`', about.get(field.name, '')))
    return _table(('parameter', 'type', 'default', 'meaning'), rows) if rows else 'It takes no parameters.'


def _objects(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give every object with fields of its own that a schema lets through."""
    if 'properties' in schema:
        yield schema
    for way in schema.get('anyOf', ()) if 'properties' not in schema else ():
        yield from _objects(way)


def _fields(schema: Mapping[str, Any]) -> str:
    """Return a table of an object's properties, those of objects inside it below their own."""
    return _table(('field', 'takes', 'meaning'), list(_rows(schema, '')))


def _rows(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, ...]]:
    needed = schema.get('required', ())
    for name, part in schema.get('properties', {}).items():
        shown = f'**`{path}{name}`**' if name in needed else f'`{path}{name}`'
        default = f' Default: `{part["default"]}`.' if part.get('default') is not None else ''
        yield shown, _takes(part), part.get('description', '').replace('``', '`') + default
        for inner in _objects(part):
            yield from _rows(inner, f'{path}{name}.')


def _takes(schema: Mapping[str, Any]) -> str:
    """Return in a few words what a schema lets through."""
    if '$ref' in schema:
        return _link(schema['$ref'].rpartition('/')[2])
    if 'const' in schema:
        return f'`{schema["const"]}`'
    if 'enum' in schema:
        return ', '.join(f'`{value}`' for value in schema['enum'])
    if 'anyOf' in schema and 'properties' not in schema:
        ways = [way for way in schema['anyOf'] if way != PLACE]
        return ' or '.join(dict.fromkeys(map(_takes, ways)))
    if isinstance(schema.get('items'), dict):
        return f'a list of: {_takes(schema["items"])}'
    if isinstance(schema.get('additionalProperties'), dict):
        return f'a map of names to: {_takes(schema["additionalProperties"])}'
    return WORDS[schema['type']] if isinstance(schema.get('type'), str) else 'any value'


def _link(name: str) -> str:
    page, word = '', _shown(name)
    for room in ('kind', 'reader', 'metric'):
        if name.startswith(f'{room}-'):
            page, word = f'{room}s.md', name.removeprefix(f'{room}-')
    return f'[{word}]({page}#{word})'


def _shown(name: str) -> str:
    return name.replace('_', ' ').replace('-', ' ')


def _prose(module: Any) -> str:
    return inspect.cleandoc(module.__doc__ or '').replace('``', '`')


def _said(words: tuple[str, ...]) -> str:
    return ', '.join(f'`{word}`' for word in words)


def _titled(title: str, level: int, *parts: str) -> str:
    return '\n\n'.join([f'{"#" * level} {title}', *(part for part in parts if part)]) + ('\n' if level == 1 else '')


def _code(text: str) -> str:
    return f'```text\n{text.rstrip()}\n```'


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple('---' for _ in heads), *rows]
    return '\n'.join(
        '| ' + ' | '.join(cell.replace('|', '\\|').replace('\n', ' ') for cell in line) + ' |' for line in lines
    )
