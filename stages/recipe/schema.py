"""The JSON Schema of a recipe: generated from the tables, for editors.

The reader does not use it: its own messages are better.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable
from typing import Any, Final, Literal

from stages.contract.judge import Judge
from stages.cpu import ISAS
from stages.document.schema import described
from stages.engines import ENGINES
from stages.judges import JUDGES
from stages.kinds import KINDS
from stages.readers import READERS
from stages.recipe import asks, names
from stages.recipe.extends import MOST
from stages.recipe.fetch import HOST, PIN, SHA256, URL, WHOLE
from stages.recipe.metric import BETTER
from stages.recipe.model import METRICS, Benchmark, Check, Choose, Metric, Recipe, Tolerance
from stages.recipe.params import fields_of
from stages.recipe.regression import DROP, DROP_WORDS, SHARES
from stages.recipe.roles import ROLES, SHARE
from stages.recipe.setting import SCENARIOS
from stages.recipe.signature import DTYPES
from stages.recipe.source import of_python, options_of
from stages.recipe.units import SIZES, TIMES
from stages.recipe.variants import EXPECT
from stages.sources import SOURCES
from stages.sources.names import REPOSITORY

Schema = dict[str, Any]

PLACE: Final[Schema] = {'type': 'string', 'pattern': r'\{[A-Za-z_][A-Za-z0-9_]*\}'}
"""A word that the variant's matrix fills in."""

NEEDS: Final[Schema] = {
    'dependentRequired': {'pip': ['file', 'sha256'], 'hf': ['file', 'sha256'], 'url': ['sha256'], 'path': ['sha256']},
    'dependentSchemas': {
        'file': {'anyOf': [{'required': ['pip']}, {'required': ['hf']}]},
        'hosts': {'anyOf': [{'required': ['pip']}, {'required': ['hf']}, {'required': ['url']}]},
    },
}
"""What a file from outside must have beside what says where it is."""

TYPES: Final[dict[Any, Schema]] = {
    int: {'type': 'integer'},
    float: {'type': 'number'},
    bool: {'type': 'boolean'},
    str: {'type': 'string'},
    type(None): {'type': 'null'},
}


def schema_text() -> str:
    """Return the schema as it is committed: recipes/recipe.schema.json."""
    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + '\n'


def recipe_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a recipe."""
    about = described(Recipe)
    properties = {
        'recipe': {'const': 1, 'description': 'The version of this format.'},
        'model': _text(names.MODEL.pattern, 'Its name; the folder of its artifacts.'),
        'source': _source(),
        'inputs': _map(
            {'$ref': '#/$defs/input'},
            names.TENSOR.pattern,
            'What the model takes; absent: as the file says it, which every format but torch does.',
        )
        | {'minProperties': 1},
        'outputs': {
            'anyOf': [
                {'type': 'array', 'items': _text(names.TENSOR.pattern), 'minItems': 1, 'uniqueItems': True},
                _map({'type': 'string', 'minLength': 1}, names.TENSOR.pattern, "The file's name of each output.")
                | {'minProperties': 1},
            ],
            'description': 'Names of what the model returns; absent: those of the file.',
        },
        'preprocessing': {'type': 'string', 'minLength': 1, 'description': about['preprocessing']},
        'data': _object(
            {role: {'$ref': f'#/$defs/{role}'} for role in ('samples', *ROLES)},
            'What calibrates and what judges; never the same.',
        ),
        'variants': {
            'type': 'object',
            'additionalProperties': {'$ref': '#/$defs/variant'},
            'minProperties': 1,
            'description': about['variants'],
        },
        'check': {'$ref': '#/$defs/check'},
        'benchmark': {'$ref': '#/$defs/benchmark'},
        'choose': {'$ref': '#/$defs/choose'},
        'regression': {'$ref': '#/$defs/regression'},
        'timeout': {
            'anyOf': [{'type': 'number', 'exclusiveMinimum': 0}, _amount(TIMES)],
            'description': about['timeout'],
        },
        'tags': {
            'type': 'array',
            'items': _text(names.TAG.pattern),
            'uniqueItems': True,
            'description': about['tags'],
        },
        'extends': {
            'anyOf': [
                _text(r'.+\.yaml'),
                {'type': 'array', 'items': _text(r'.+\.yaml'), 'minItems': 1, 'maxItems': MOST},
            ],
            'description': 'Files below recipes/ whose keys are taken over where this one does not say them.',
        },
        'group': _text(names.MODEL.pattern, about['group']),
        'around': _around(about['around']),
        'memory': _amount(SIZES) | {'description': about['memory']},
        'license': {'type': 'string', 'pattern': r'\S', 'description': about['license']},
        'description': {'type': 'string', 'pattern': r'\S', 'description': about['description']},
        'authors': {
            'type': 'array',
            'items': {'type': 'string', 'pattern': r'\S'},
            'minItems': 1,
            'uniqueItems': True,
            'description': about['authors'],
        },
    }
    python = [{'required': [format]} for format in SOURCES if of_python(format)]
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': 'Modelkiln recipe',
        **_object(
            properties,
            'One model, its variants, and what is asked of them.',
            ['model'],
        ),
        'if': {'properties': {'source': {'anyOf': python}}, 'not': {'required': ['extends']}},
        'then': {
            'required': ['inputs'],
            'properties': {'inputs': {'additionalProperties': {'required': ['shape', 'dtype']}}},
        },
        'anyOf': [
            {
                'required': ['recipe', 'source', 'variants'],
                'properties': {'variants': {'additionalProperties': {'not': {'type': 'null'}}}},
            },
            {'required': ['extends']},
        ],
        '$defs': _sources() | _variants() | _asks(),
    }


def _source() -> Schema:
    """Return the ways a model may come: exactly one format."""
    python = {
        name: _python(f'{_first_line(module)} The function: models/file.py:function.')
        for name, module in SOURCES.items()
        if of_python(name)
    }
    files = {
        name: {'$ref': f'#/$defs/{"repository" if name in WHOLE else "files"}', 'description': _first_line(module)}
        for name, module in SOURCES.items()
    }
    weights = {
        '$ref': '#/$defs/weights',
        'description': 'The weights, where Python builds the model. Absent: the Python makes them.',
    }
    told = {name: schema for format in SOURCES if not of_python(format) for name, schema in _told(format).items()}
    ways: list[Schema] = [{'required': [name]} for name in SOURCES]
    properties = {**files, **python, 'weights': weights, **told}
    return _object(properties, 'Where the trained model comes from.') | {'oneOf': ways}


def _told(format: str) -> dict[str, Schema]:
    """Return what a source can be told beside its files."""
    about = described(SOURCES[format].Params)
    return {
        name: _hint(field.hint) | {'description': about.get(name, ''), 'default': field.default}
        for name, field in options_of(format).items()
    }


def _sources() -> Schema:
    fetch: Schema = {
        'pip': _text(PIN.pattern, 'A package of the index, pinned: name==version.'),
        'hf': _text(REPOSITORY.pattern, 'A repository of the Hugging Face hub at one commit: org/name@COMMIT.'),
        'file': {
            'type': 'string',
            'minLength': 1,
            'description': 'The file inside the package or repository, a glob of several, or a folder (`x/`).',
        },
        'url': _text(URL.pattern, 'An https address.'),
        'path': {'type': 'string', 'minLength': 1, 'description': 'A file below recipes/, or a folder (`x/`).'},
        'to': {
            'type': 'string',
            'minLength': 1,
            'description': 'Its place among the files it belongs to: `variables/variables.index`.',
        },
        'hosts': {
            'type': 'array',
            'items': _text(HOST.pattern),
            'minItems': 1,
            'uniqueItems': True,
            'description': 'Where its host sends on to, if a fetch says so: cdn.example.org.',
        },
        'sha256': _text(
            SHA256.pattern,
            'Of the file; of the package archive when `file` means several; of a folder: see `modelkiln digest`.',
        ),
    }
    ways = [{'required': [*more, 'sha256']} for more in (['pip', 'file'], ['hf', 'file'], ['url'], ['path'])]
    several = {'type': 'array', 'items': {'$ref': '#/$defs/fetch'}, 'minItems': 1}
    limit = {'limit': {'type': 'integer', 'minimum': 1, 'description': 'The most samples; the least by their hash.'}}
    own = fetch | limit | {
        'fetch': several | {'description': 'Several files, each as it would stand here alone.'},
        'prepare': _python('The function that returns named arrays: models/file.py:function.'),
        **{word: {'anyOf': [{'$ref': f'#/$defs/reader-{word}'}, {'type': 'null'}]} for word in READERS},
    }  # fmt: skip
    share = {'type': 'number', 'exclusiveMinimum': 0, 'exclusiveMaximum': 1, 'default': SHARE}
    share['description'] = 'Of `samples`, what calibrates; the rest evaluates.'
    chosen = fetch | {'fetch': several | {'description': 'Shards of one model.'}} | _told('torch')
    weights = _object(chosen, 'Trained weights, and which tensors of the file are meant.') | {
        'anyOf': [*ways, {'required': ['fetch']}]
    } | NEEDS  # fmt: skip
    judge = {
        'metric': {
            'anyOf': [
                {'enum': [*METRICS, *_plain_judges()]},
                _python(''),
                _metric(),
                *({'$ref': f'#/$defs/metric-{word}'} for word in JUDGES),
            ],
            'description': 'How answers are judged: by one of ours, or models/file.py:function(outputs, data).',
        },
        'output': {'type': 'string', 'description': 'The output that the metric reads; absent: the first.'},
    }
    either = {'anyOf': [*ways, {'required': ['fetch']}, {'required': ['prepare']}]} | NEEDS
    shape = {'anyOf': [{'type': 'integer', 'minimum': 1}, _text(names.DIMENSION.pattern)]}
    return {
        'fetch': _object(fetch, 'A file from outside; never without its sha256.') | {'anyOf': ways} | NEEDS,
        'files': {'anyOf': [{'$ref': '#/$defs/fetch'}, several]},
        'repository': {
            'anyOf': [
                {'$ref': '#/$defs/files'},
                _object(
                    {word: fetch[word] for word in ('hf', 'to', 'hosts', 'sha256')},
                    'A repository alone: the files that the format needs, no others; the sha256 is of their folder.',
                    ['hf', 'sha256'],
                ),
            ]
        },
        'weights': {'anyOf': [weights, several]},
        **{f'metric-{word}': _judge(judge) for word, judge in JUDGES.items()},
        **{f'reader-{word}': _params(reader.Params, _first_line(reader)) for word, reader in READERS.items()},
        'samples': _object(own, 'Samples for both roles, split by a hash of each.') | either,
        'calibrate': _role(own, limit | {'share': share}, either, 'Arrays that tune a quantizer.'),
        'evaluate': _role(own | judge, limit | judge, either, 'Arrays that judge every variant.'),
        'input': _object(
            {
                'shape': {
                    'type': 'array',
                    'items': shape,
                    'maxItems': 16,
                    'description': 'Numbers, or names where any size goes.',
                },
                'dtype': {'enum': [*DTYPES], 'description': "NumPy's word for the element type."},
                'name': {'type': 'string', 'minLength': 1, 'description': "The file's own name for it."},
                'carries': _text(names.TENSOR.pattern, 'State: the output of the sample before that it takes over.'),
            },
            'One input; what is absent is as the file says it.',
        ),
    }


def _role(own: Schema, part: Schema, either: Schema, about: str) -> Schema:
    """Return a role: data of its own, or a part of `samples`."""
    return {'anyOf': [_object(own, about) | either, _object(part, 'Its part of `samples`.'), {'type': 'null'}]}


def _plain_judges() -> list[str]:
    """Return the judges that need not be told anything."""
    return [word for word, judge in JUDGES.items() if not _params(judge.Params, '').get('required')]


def _judge(judge: Judge) -> Schema:
    """Return a judge's metric and what it has to know."""
    ends = f', {judge.RANGE[0]:g} to {judge.RANGE[1]:g}' if judge.RANGE else ''
    about = f'{_first_line(judge)} {judge.BETTER.capitalize()} is better{ends}.'
    params = _params(judge.Params, about)
    params['properties'] = {'of': {'const': judge.METRIC}, **params['properties']}
    return params | {'required': ['of', *params.get('required', [])]}


def _metric() -> Schema:
    """Return the long form of a metric."""
    about = described(Metric)
    return _object(
        {
            'of': {'anyOf': [{'enum': [*METRICS]}, _python('')], 'description': 'One of ours, or a function.'},
            'axis': {'type': 'integer', 'description': about['axis']},
            'threshold': {'type': 'number', 'description': about['threshold']},
            'better': {'enum': [*BETTER], 'default': Metric.better, 'description': about['better']},
            'range': {
                'type': 'array', 'items': {'type': 'number'}, 'minItems': 2, 'maxItems': 2,
                'description': about['range'],
            },
        },
        'A metric and what it depends on: `axis` or `threshold` for ours, `better` and `range` for a function.',
        ['of'],
    )  # fmt: skip


def _needed(kinds: typing.Sequence[typing.Any]) -> list[str]:
    """Return the parameters that every kind of a word has to be told: which of them is meant is not known here."""
    told = [{name for name, field in fields_of(kind.Params).items() if field.required} for kind in kinds]
    return sorted(set.intersection(*told))


def _variants() -> Schema:
    needs = {name: _needed(kinds) for name, kinds in KINDS.items()}
    bare = [name for name in KINDS if not needs[name]]
    kinds = {
        name: _object(
            _merged(kind.Params for kind in kinds), ' '.join(_first_line(kind) for kind in kinds), needs[name]
        )
        for name, kinds in KINDS.items()
    }
    stages = {
        'type': 'array',
        'maxItems': 32,
        'description': 'Kinds in order; none: the source itself.',
        'items': {
            'anyOf': [
                {'enum': bare},
                _object(
                    {
                        name: {'anyOf': [{'$ref': f'#/$defs/kind-{name}'}, *([{'type': 'null'}] * (name in bare))]}
                        for name in KINDS
                    },
                    'A kind and its parameters.',
                )
                | {'minProperties': 1, 'maxProperties': 1},
            ]
        },
    }
    matrix = _map(
        {'type': 'array', 'items': {'type': ['string', 'number', 'boolean']}, 'minItems': 1, 'uniqueItems': True},
        '[A-Za-z_][A-Za-z0-9_]*',
        'Each combination is a variant; {x} stands for a value in the name, the stages and run.',
    )
    whole = _object(
        {
            'stages': {'$ref': '#/$defs/stages'},
            'run': {'$ref': '#/$defs/run'},
            'matrix': matrix,
            'expect': {'enum': [*EXPECT], 'description': 'A tool is known to refuse this; the refusal is a result.'},
            'optional': {
                'type': 'boolean',
                'description': 'Where a tool of it is not installed it is left out, which is said and fails nothing.',
            },
        },
        'Stages, and how the result is run.',
        ['stages'],
    )
    return {
        'variant': {
            'anyOf': [{'$ref': '#/$defs/stages'}, whole, {'type': 'null'}],
            'description': 'Stages, or stages and how the result is run; nothing: one that is extended is left out.',
        },
        'stages': stages,
        'run': _run(),
        **{f'kind-{name}': schema for name, schema in kinds.items()},
    }


def _run() -> Schema:
    """Return the options of all engines as one object; which of them go together the reader says."""
    batch: Schema = {
        'anyOf': [{'type': 'integer', 'minimum': 1}, PLACE], 'default': 1, 'description': 'Samples in one call.',
    }  # fmt: skip
    count: Schema = {'anyOf': [{'type': 'integer', 'minimum': 1}, PLACE]}
    scenario = {'anyOf': [{'enum': [*SCENARIOS]}, PLACE]}
    setting = {
        'batch': batch,
        'threads': {'anyOf': [*count['anyOf'], _some(count)], 'description': "Of this variant, over the benchmark's."},
        'scenario': {
            'anyOf': [*scenario['anyOf'], _some(scenario)],
            'description': 'What is measured of this variant, over the `scenarios` of the benchmark.',
        },
        'sizes': _map(
            {'anyOf': [*count['anyOf'], _some(count)]},
            names.DIMENSION.pattern,
            "Sizes of named dimensions, over the benchmark's; of several, each is measured.",
        ),
        'isa': {
            'anyOf': [{'enum': [*ISAS]}, PLACE],
            'description': 'The instruction set that the CPU is kept to while this variant is measured.',
        },
    }
    options = _merged(engine.Options for engine in ENGINES.values())
    return _object({**setting, **options}, 'How the engine runs the result, and in what setting it is measured.')


def _some(item: Schema) -> Schema:
    return {'type': 'array', 'items': item, 'minItems': 1, 'uniqueItems': True}


def _merged(classes: typing.Iterable[type[Any]]) -> Schema:
    """Return the fields of all ``classes`` as one object's properties; a name they share takes what either takes."""
    found: dict[str, list[Schema]] = {}
    for cls in classes:
        for name, schema in _params(cls, '')['properties'].items():
            if schema not in found.setdefault(name, []):
                found[name].append(schema)
    return {name: schemas[0] if len(schemas) == 1 else _either(schemas) for name, schemas in found.items()}


def _either(schemas: list[Schema]) -> Schema:
    texts = dict.fromkeys(schema['description'] for schema in schemas if schema.get('description'))
    return {'anyOf': schemas, 'description': ' Or: '.join(texts)}


def _asks() -> Schema:
    check, benchmark, choose, tolerance = (described(cls) for cls in (Check, Benchmark, Choose, Tolerance))
    number = {'type': 'number', 'minimum': 0}
    count = {'type': 'integer', 'minimum': 1}
    share = number | {'maximum': 1}
    near = _object(
        {
            'relative': number | {'description': 'The largest relative error.'},
            'cosine': share | {'minimum': -1, 'description': 'The smallest cosine similarity.'},
        },
        next(iter(tolerance.values()), 'How far an output may be from the source model.'),
    ) | {'minProperties': 1}
    tolerances = _object(dict.fromkeys(asks.PRECISIONS, near), check['tolerance'])
    rounds = 'Rounds of fresh processes; unless stated, 10 where a call takes less than 50 ms, else 6.'
    protocol = {
        'cycles': count | {'description': rounds},
        'repetitions': count | {'default': Benchmark.repetitions},
        'threads': {
            'anyOf': [count, {'type': 'array', 'items': count, 'minItems': 1, 'uniqueItems': True}],
            'default': [1],
            'description': 'Threads to measure with; several: each in turn.',
        },
        'warmup_runs': count | {'minimum': 0, 'default': Benchmark.warmup_runs},
        'warmup_seconds': number | {'default': Benchmark.warmup_seconds},
        'sizes': _map(count, names.DIMENSION.pattern, benchmark['sizes']),
        'scenarios': {
            'anyOf': [{'enum': [*SCENARIOS]}, _some({'enum': [*SCENARIOS]})],
            'default': [*Benchmark.scenarios],
            'description': benchmark['scenarios'],
        },
        'latency_bound': _amount(TIMES) | {'description': benchmark['latency_bound']},
    }
    bounds = {'accuracy_drop': number, 'peak_memory': _amount(SIZES), 'size': _amount(SIZES), 'latency': _amount(TIMES)}
    grows = {name: number | {'description': words} for name, words in {**SHARES, DROP: DROP_WORDS}.items()}
    fastest = {'enum': [*asks.FIGURES], 'default': Choose.fastest, 'description': choose['fastest']}
    return {
        'check': _object(
            {'max_drop': number | {'description': check['max_drop']}, 'tolerance': tolerances},
            'What a variant must keep to be shipped.',
        ),
        'benchmark': _object(protocol, "The protocol's numbers."),
        'choose': _object(
            {
                'fastest': fastest,
                'within': _object(bounds, choose['within']),
                'budget': _object(bounds, choose['budget']),
            },
            'What the best variant is.',
        ),
        'regression': _object(grows, 'What may get worse from one build to the next; more, beyond the noise, fails.')
        | {'minProperties': 1},
    }


def _params(cls: Callable[..., Any], description: str) -> Schema:
    """Return the schema of a dataclass that a recipe may fill."""
    about, properties, required = described(cls), {}, []
    for name, field in fields_of(cls).items():
        schema = _hint(field.hint)
        if schema.get('type') != 'string':
            schema = {'anyOf': [*schema['anyOf'], PLACE]} if [*schema] == ['anyOf'] else {'anyOf': [schema, PLACE]}
        if about.get(name):
            schema = {**schema, 'description': about[name]}
        if field.required:
            required.append(name)
        else:
            schema = {**schema, 'default': field.default}
        properties[name] = schema
    return _object(properties, description, required)


def _hint(hint: Any) -> Schema:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return {'enum': [*args]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return {'type': 'array', 'items': _filled(args[0])}
        return {
            'type': 'array',
            'prefixItems': [_filled(arg) for arg in args],
            'minItems': len(args),
            'maxItems': len(args),
        }
    if origin is dict:
        return {'type': 'object', 'additionalProperties': _filled(args[1])}
    if origin in (typing.Union, types.UnionType):
        return {'anyOf': [_hint(arg) for arg in args]}
    return dict(TYPES[hint])


def _filled(hint: Any) -> Schema:
    schema = _hint(hint)
    return schema if schema.get('type') == 'string' else {'anyOf': [schema, PLACE]}


def _first_line(module: Any) -> str:
    return (module.__doc__ or '').strip().partition('\n')[0]


def _around(description: str) -> Schema:
    told = {
        'requests': 'Takes the folder of the files that `evaluate` fetches, returns a list of requests as they come.',
        'before': "Takes a request, returns the model's inputs by name, of one sample.",
        'after': "Takes the model's outputs by name, returns the answer.",
    }
    return _object({key: _python(words) for key, words in told.items()}, description, ['requests', 'before'])


def _object(properties: Schema, description: str = '', required: typing.Sequence[str] = ()) -> Schema:
    schema: Schema = {'type': 'object', 'description': description} if description else {'type': 'object'}
    schema |= {'properties': properties, 'additionalProperties': False}
    return schema | ({'required': [*required]} if required else {})


def _map(below: Schema, pattern: str, description: str) -> Schema:
    names_too = {'propertyNames': {'pattern': f'^{pattern}$'}}
    return {'type': 'object', 'description': description, **names_too, 'additionalProperties': below}


def _text(pattern: str, description: str = '') -> Schema:
    return {'type': 'string', 'pattern': f'^{pattern}$'} | ({'description': description} if description else {})


def _python(description: str) -> Schema:
    return _text(r'models/.+\.py:[^:]+', description)


def _amount(units: typing.Iterable[str]) -> Schema:
    return _text(rf'[0-9]+(\.[0-9]+)? ?({"|".join(units)})')
