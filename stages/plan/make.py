"""Recipes in, Plan out. Pure: no file is opened, nothing is imported but our own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from types import ModuleType
from typing import Any

from stages.contract.port import CONTRACT, Contract, Port, contract_json
from stages.contract.reader import ALL
from stages.digest import digest_of
from stages.engines import engine_for
from stages.judges import JUDGES
from stages.kinds import kind_for
from stages.measure import check
from stages.plan.step import Build, Link, Plan, Step, needed_by
from stages.readers import READERS
from stages.recipe.model import METRICS, Data, Fetch, Recipe, Stage, Variant
from stages.sources import SOURCES, fetch, ports, probe
from stages.sources import around as around_source
from stages.sources import data as data_source

CHECK_THREADS = 1
"""Checks run on one thread: sums in one order, so that their figures repeat."""


class _Steps:
    """Collects steps; an equal step is the same step."""

    def __init__(self) -> None:
        self.by_id: dict[str, Step] = {}

    def add(
        self,
        recipe: Recipe,
        module: Any,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        outputs: tuple[str, ...],
        python: str = '',
        path: str = '',
        tools: tuple[str, ...] | None = None,
        code: tuple[str, ...] = (),
        host: bool = False,
        programs: tuple[str, ...] = (),
        environment: str = '',
        declared: Contract | None = None,
        hosts: tuple[str, ...] = (),
    ) -> str:
        params, inputs = dict(params), dict(inputs)
        identity = {
            'kind': module.KIND, 'params': params, 'inputs': inputs, 'python': python, 'path': path,
            'declared': contract_json(declared) if declared else None,
        }  # fmt: skip
        id = digest_of(identity)[:16]
        if id not in self.by_id:
            self.by_id[id] = Step(
                id=id, kind=module.KIND, module=module.__name__, params=params, inputs=inputs, python=python,
                path=path, declared=declared, outputs=outputs,
                tools=module.TOOLS if tools is None else tools, code=(module.__name__, *code), host=host,
                environment=environment, timeout=recipe.timeout, memory=recipe.memory, programs=programs,
                hosts=hosts,
            )  # fmt: skip
        else:
            self.by_id[id] = _with_limits(self.by_id[id], recipe, hosts)
        return id


def _with_limits(step: Step, recipe: Recipe, hosts: tuple[str, ...]) -> Step:
    """Return the step with the larger limits: no other recipe lowers what one was given; 0 is no limit."""
    memory = max(step.memory, recipe.memory) if step.memory and recipe.memory else 0
    hosts = tuple(dict.fromkeys((*step.hosts, *hosts)))
    return replace(step, timeout=max(step.timeout, recipe.timeout), memory=memory, hosts=hosts)


def make_plan(recipes: Iterable[Recipe]) -> Plan:
    """Return the graph of everything ``recipes`` ask for; what is equal is one step, also across recipes."""
    steps = _Steps()
    builds: dict[str, tuple[Build, ...]] = {}
    probes: dict[str, str] = {}
    around: dict[str, str] = {}
    known: dict[str, Recipe] = {}
    for recipe in recipes:
        known[recipe.model] = recipe
        source = _source(steps, recipe)
        arrays = {role: _data(steps, recipe, data, source) for role, data in recipe.data.items()}
        probes[recipe.model] = arrays.get('evaluate') or arrays.get('calibrate') or _probe(steps, recipe, source)
        around |= _around(steps, recipe, source)
        references: dict[tuple[tuple[str, int], ...], str] = {}
        builds[recipe.model] = tuple(
            _build(steps, recipe, variant, source, references, arrays, probes[recipe.model])
            for variant in recipe.variants
        )
    return Plan(steps.by_id, builds, known, probes, around)


def as_json(value: Any) -> Any:
    """Return a parameter as JSON values: a dataclass by its fields, a tuple as a list."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return value


def declared(recipe: Recipe) -> Contract:
    """Return what the recipe says of its model: for the source to hold against the file."""
    carried = dict(recipe.carries)
    inputs = tuple(replace(port, carries=carried.get(port.name, '')) for port in recipe.inputs)
    outputs = tuple(Port(name, (), '', recipe.in_file.get(name, '')) for name in recipe.outputs)
    return Contract(inputs, outputs, sizes=dict(recipe.benchmark.sizes))


def _fetch(steps: _Steps, recipe: Recipe, wanted: Fetch) -> str:
    params = fetch.Params(wanted.where, wanted.name, wanted.file, wanted.sha256, wanted.to, wanted.format)
    path = wanted.name if wanted.where == 'path' else ''
    return steps.add(recipe, fetch, as_json(params), {}, outputs=fetch.outputs(params), path=path, hosts=wanted.hosts)


def _files(steps: _Steps, recipe: Recipe, files: Iterable[Fetch], role: str = 'file') -> dict[str, str]:
    """Return a fetch step for each file, by role: ``file``, ``file2``, ``file3`` …"""
    return {f'{role}{n if n > 1 else ""}': _fetch(steps, recipe, file) for n, file in enumerate(files, start=1)}


def _data(steps: _Steps, recipe: Recipe, data: Data, source: str) -> str:
    inputs, python = _files(steps, recipe, data.files), data.prepare
    part = {} if data.part == ALL else as_json(data.part)
    params = data_source.Params(
        python.file if python else '',
        python.function if python else '',
        data.reader,
        as_json(data.options or {}),
        part,
    )
    tools: tuple[str, ...] = data_source.TOOLS
    code: tuple[str, ...] = ()
    if data.reader:
        reader = READERS[data.reader]
        tools, code = reader.TOOLS, (_module(reader),)
        inputs['model'] = steps.add(recipe, ports, {}, {'model': source}, outputs=ports.outputs(ports.Params()))
    return steps.add(
        recipe, data_source, as_json(params), inputs, outputs=data_source.outputs(params),
        python=python.file if python else '', tools=tools, code=code,
    )  # fmt: skip


def _probe(steps: _Steps, recipe: Recipe, source: str) -> str:
    params = probe.Params()
    return steps.add(recipe, probe, as_json(params), {'model': source}, outputs=probe.outputs(params))


def _around(steps: _Steps, recipe: Recipe, source: str) -> dict[str, str]:
    """Return, by the recipe's name, the step that keeps the Python around its model; nothing where it names none."""
    if (asked := recipe.around) is None:
        return {}
    evaluate = recipe.data.get('evaluate')
    inputs = _files(steps, recipe, evaluate.files if evaluate else ())
    inputs['model'] = steps.add(recipe, ports, {}, {'model': source}, outputs=ports.outputs(ports.Params()))
    params = around_source.Params(asked.file, asked.requests, asked.before, asked.after)
    made = steps.add(
        recipe, around_source, as_json(params), inputs, outputs=around_source.outputs(params), python=asked.file
    )
    return {recipe.model: made}


def _source(steps: _Steps, recipe: Recipe) -> str:
    source, python = SOURCES[recipe.source.format], recipe.source.python
    where = {'file': python.file, 'function': python.function} if python else {}
    params = source.Params(**where, **recipe.source.options)
    return steps.add(
        recipe, source, as_json(params), _source_files(steps, recipe), outputs=(*source.outputs(params), CONTRACT),
        python=python.file if python else '', declared=declared(recipe), environment=source.ENVIRONMENT,
    )  # fmt: skip


def _source_files(steps: _Steps, recipe: Recipe) -> dict[str, str]:
    return _files(steps, recipe, recipe.source.files, 'weights' if recipe.source.python else 'file')


def _reference(
    steps: _Steps, recipe: Recipe, source: str, arrays: Mapping[str, str], probe_id: str, sizes: Mapping[str, int]
) -> str:
    """Return the check that variants made for ``sizes`` are compared with: the source's files as they came, in their
    framework.
    """
    format = recipe.source.format
    rewritten = SOURCES[format].original is not None
    return _check(steps, recipe, source, format, None, arrays, probe_id, None, sizes, original=rewritten)


def _check(
    steps: _Steps,
    recipe: Recipe,
    model: str,
    format: str,
    reference: str | None,
    arrays: Mapping[str, str],
    probe_id: str,
    options: Any,
    sizes: Mapping[str, int],
    *,
    original: bool = False,
) -> str:
    engine = engine_for(format)
    assert engine is not None, 'only what an engine runs is checked'
    evaluate = recipe.data.get('evaluate')
    metric = evaluate.metric if evaluate else None
    options = options if options is not None else engine.Options()
    params = check.Params(
        engine=engine.ENGINE,
        options=as_json(options),
        threads=CHECK_THREADS,
        original=format if original else '',
        metric=as_json(metric),
        output=(evaluate.output or '') if evaluate else '',
        judge=metric.python.file if metric and metric.python else '',
        sizes=sizes,
    )
    inputs = {'model': model, 'probe': probe_id}
    if original:
        inputs |= _source_files(steps, recipe)
    if reference:
        inputs['reference'] = reference
    if 'evaluate' in arrays:
        inputs['evaluate'] = arrays['evaluate']
    code = (_module(engine), *((_module(SOURCES[format]),) if original else ()))
    if metric and not metric.python and metric.of not in METRICS:
        code = (*code, _module(JUDGES[metric.of]))
    return steps.add(
        recipe, check, as_json(params), inputs, outputs=check.outputs(params), tools=engine.TOOLS,
        code=code, host=True, programs=engine.programs(options), python=params.judge, environment=engine.ENVIRONMENT,
        declared=declared(recipe) if original else None,
    )  # fmt: skip


def _build(
    steps: _Steps,
    recipe: Recipe,
    variant: Variant,
    source: str,
    references: dict[tuple[tuple[str, int], ...], str],
    arrays: Mapping[str, str],
    probe_id: str,
) -> Build:
    """Return a variant's steps; ``references`` are the recipe's by sizes, filled as they come up."""
    format, model = recipe.source.format, source
    last = len(variant.stages)
    sizes: dict[str, int] = {}

    def checked(place: int) -> str | None:
        options, engine = variant.run if place == last else None, engine_for(format)
        if engine is None:
            return None  # nothing runs it; what it leads to is checked
        made_for = tuple(sorted(sizes.items()))
        if made_for not in references:
            references[made_for] = _reference(steps, recipe, source, arrays, probe_id, sizes)
        reference = references[made_for]
        if model == source and SOURCES[format].original is None and options in (None, engine.Options()):
            return reference
        return _check(steps, recipe, model, format, reference, arrays, probe_id, options, sizes)

    chain = [Link(model, checked(0))]
    for place, stage in enumerate(variant.stages, start=1):
        kind = kind_for(stage.kind, format)
        assert kind is not None, 'the reader lets only whole chains through'
        inputs = {'model': model} | {role: arrays[role] for role in kind.needs(stage.params)}
        model = steps.add(
            recipe, kind, as_json(stage.params), inputs, outputs=(*kind.outputs(stage.params), CONTRACT),
            host=kind.host(stage.params), environment=kind.ENVIRONMENT, programs=kind.PROGRAMS,
        )  # fmt: skip
        format = kind.GIVES
        sizes = _fixed(recipe, stage, sizes)
        chain.append(Link(model, checked(place)))
    return Build(recipe.model, variant, tuple(chain), needed_by(chain, steps.by_id))


def _fixed(recipe: Recipe, stage: Stage, before: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes that a stage's parameters leave the model alone with, beside those it had ``before``.

    An answer at another length is another answer, and so is what the source says to a text that is cut.
    """
    params = as_json(stage.params)
    own = params.get('sizes')
    alone = isinstance(own, dict) or params.get('shape') == 'static'
    return {**(recipe.benchmark.sizes if alone else {}), **before, **(own if isinstance(own, dict) else {})}


def _module(row: Any) -> str:
    """Return the name of the module that stands in a table."""
    assert isinstance(row, ModuleType)
    return row.__name__
