"""The model card: the README.md that travels with a release, for people and for hubs that read its head."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from stages.contract.port import Port
from stages.document.manifest import Manifest
from stages.recipe.model import Recipe
from stages.terminal import size_words

ENDS: Final = dict.fromkeys('\n\r\x0b\x0c\x85\u2028\u2029', ' ')
"""What ends a line."""

ESCAPED: Final = str.maketrans(ENDS | {sign: f'\\{sign}' for sign in '\\|[]'} | {'<': '&lt;', '`': "'"})
IN_CODE: Final = str.maketrans(ENDS | {'`': "'"})
"""In code: the sign that ends it, and lines, of which one could end a block."""

IN_CELL: Final = IN_CODE | {ord('|'): r'\|'}


def card(recipe: Recipe, manifest: Manifest, rows: Iterable[Mapping[str, Any]], forced: Iterable[str]) -> str:
    """Return the card in Markdown. ``rows`` are those of this variant in the report."""
    parts = [
        _head(recipe, manifest),
        f'# {manifest.name}',
        _plain(recipe.description),
        _forced(forced),
        f'{_article(manifest.model_format)} model of precision {manifest.precision}, run by {manifest.engine}'
        f'{_how(manifest)}.',
        '## What it takes and gives',
        _ports(manifest),
        _said('Preprocessing', manifest.preprocessing),
        *(f'Note: {_plain(note)}' for note in manifest.notes),
        '## Figures',
        _figures(manifest, rows),
        '## How it was made',
        _made(manifest),
        '## How to run it',
        f'```sh\nmodelkiln run DIR {" ".join(map(_fed, manifest.inputs))}\n```',
        _code(manifest.use.modelkiln),
        _said('Without Modelkiln', '') if manifest.use.plain else '',
        _code(manifest.use.plain),
        _said('Authors', ', '.join(recipe.authors)),
    ]
    return '\n\n'.join(part for part in parts if part) + '\n'


def _head(recipe: Recipe, manifest: Manifest) -> str:
    """Return the YAML that hubs read; JSON values are YAML."""
    said: dict[str, Any] = {'license': recipe.license.lower()} if recipe.license else {}
    said |= {'library_name': manifest.engine, 'tags': ['modelkiln', manifest.model_format, manifest.precision]}
    return '\n'.join(['---', *(f'{name}: {json.dumps(value)}' for name, value in said.items()), '---'])


def _article(format: str) -> str:
    return f'{"An" if format[:1] in "aeio" else "A"} `{format}`'


def _how(manifest: Manifest) -> str:
    options = ', '.join(
        f'{name} {value}' for name, value in sorted(manifest.options.items()) if value not in (None, '')
    )
    return f', with {_plain(options)}' if options else ''


def _forced(reasons: Iterable[str]) -> str:
    found = [f'> - {_plain(reason)}' for reason in reasons]
    return '\n'.join(['> **Released by force**, although:', *found]) if found else ''


def _ports(manifest: Manifest) -> str:
    rows = [('input', port) for port in manifest.inputs] + [('output', port) for port in manifest.outputs]
    return _table(
        ('', 'name', 'type', 'shape', 'more'),
        [
            (
                way,
                f'`{port.name.translate(IN_CELL)}`',
                port.dtype,
                _plain(str(list(port.shape)).replace("'", '')),
                _more(port),
            )
            for way, port in rows
        ],
    )


def _more(port: Port) -> str:
    said = (
        [f'takes over `{port.carries.translate(IN_CELL)}` of the call before, zeros at first'] if port.carries else []
    )
    if port.quantization:
        scale, zero = port.quantization.scale, port.quantization.zero_point
        said.append(f'real = {scale[0]:g} · (stored − {zero[0]})' if len(scale) == 1 else 'a scale for each slice')
    return '; '.join(said)


def _figures(manifest: Manifest, rows: Iterable[Mapping[str, Any]]) -> str:
    table = []
    for row in rows:
        latency, peak, speed = row.get('latency_ns'), row.get('peak_memory_bytes'), row.get('speed')
        if latency:
            half = f' ± {latency["half"] / 1e6:.3g}' if latency.get('half') is not None else ''
            table.append(
                (f'latency, {row["threads"]} threads, batch {row["batch"]}', f'{latency["mean"] / 1e6:.4g}{half} ms')
            )
        if speed and row.get('verdict') not in (None, '', 'baseline'):
            table.append(
                (f'speed against the baseline, {row["threads"]} threads', f'{speed["value"]:.3g}× ({row["verdict"]})')
            )
        if peak:
            table.append((f'peak memory, {row["threads"]} threads', size_words(peak['mean'])))
    table.append(('size', size_words(sum(file.size for file in manifest.files.values()))))
    for name in ('metric', 'agreement'):
        if found := manifest.check.get(name):
            table.append((str(found.get('name', name)), f'{found["value"]:.4g} of {found["n"]} samples'))
    if difference := manifest.check.get('difference'):
        table.append(
            (
                'relative difference to the source',
                f'{difference["relative"]:.3g}' if difference.get('relative') is not None else 'not known',
            )
        )
    machine = ((manifest.measured or {}).get('machine') or {}).get('cpu') or {}
    where = f'\n\nMeasured on {_plain(str(machine["model"]))}.' if machine.get('model') else ''
    return _table(('what', 'value'), table) + where


def _made(manifest: Manifest) -> str:
    rows = [
        (
            f'`{made.kind}`',
            _plain(', '.join(f'{tool} {version}' for tool, version in made.tools.items())),
            made.key[:12],
        )
        for made in manifest.stages
    ]
    return _table(('stage', 'tools', 'key'), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple('---' for _ in head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _code(lines: Iterable[str]) -> str:
    found = list(lines)
    return '\n'.join(['```python', *found, '```']) if found else ''


def _fed(port: Port) -> str:
    """Return the argument that feeds an input; a name from a model is no word of a shell."""
    return f'--input {shlex.quote(f"{port.name}={port.name}.npy".translate(IN_CODE))}'


def _said(what: str, text: str) -> str:
    return f'{what}: {_plain(text)}' if text else f'{what}:' if what == 'Without Modelkiln' else ''


def _plain(text: str) -> str:
    """Return words of a recipe or a tool as they cannot be taken for Markdown of ours."""
    return text.translate(ESCAPED)
