"""Recipes in, Plan out. Pure: no file is opened, nothing is imported but our own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from stages.digest import digest_of
from stages.engines import engine_for
from stages.kinds import kind_for
from stages.measure import gate
from stages.plan.step import Build, Link, Plan, Step, needed_by
from stages.recipe.model import Data, Fetch, Recipe, Variant
from stages.sources import SOURCES, fetch, probe
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
        environment: str = '',
        signed: bool = True,
    ) -> str:
        params, inputs = dict(params), dict(inputs)
        signature = recipe.inputs if signed else ()
        returns = recipe.outputs if signed else ()
        identity = {
            'kind': module.KIND, 'params': params, 'inputs': inputs, 'python': python, 'path': path,
            'signature': [[t.name, list(t.shape), t.dtype] for t in signature], 'returns': list(returns),
        }  # fmt: skip
        id = digest_of(identity)[:16]
        if id not in self.by_id:
            self.by_id[id] = Step(
                id=id, kind=module.KIND, module=module.__name__, params=params, inputs=inputs, python=python,
                path=path, signature=signature, returns=returns, outputs=outputs,
                tools=module.TOOLS if tools is None else tools, code=(module.__name__, *code), host=host,
                environment=environment, timeout=recipe.timeout,
            )  # fmt: skip
        return id


def make_plan(recipes: Iterable[Recipe]) -> Plan:
    """Return the graph of everything ``recipes`` ask for; what is equal is one step, also across recipes."""
    steps = _Steps()
    builds: dict[str, tuple[Build, ...]] = {}
    probes: dict[str, str] = {}
    known: dict[str, Recipe] = {}
    for recipe in recipes:
        known[recipe.model] = recipe
        arrays = {role: _data(steps, recipe, data) for role, data in recipe.data.items()}
        probes[recipe.model] = arrays.get('evaluate') or arrays.get('calibrate') or _probe(steps, recipe)
        source = _source(steps, recipe)
        reference = _check(steps, recipe, source, recipe.source.format, None, arrays, probes[recipe.model], None)
        builds[recipe.model] = tuple(
            _build(steps, recipe, variant, source, reference, arrays, probes[recipe.model])
            for variant in recipe.variants
        )
    return Plan(steps.by_id, builds, known, probes)


def as_json(value: Any) -> Any:
    """Return a parameter as JSON values: a dataclass by its fields, a tuple as a list."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return value


def computed_in(options: Any, precision: str) -> str:
    """Return the precision of an answer: an engine may compute a float model in fewer bits than it is stored in."""
    asked = getattr(options, 'precision', precision)
    return asked if precision == 'f32' else precision


def _fetch(steps: _Steps, recipe: Recipe, wanted: Fetch) -> str:
    params = fetch.Params(wanted.where, wanted.name, wanted.file, wanted.sha256, wanted.to)
    path = wanted.name if wanted.where == 'path' else ''
    return steps.add(recipe, fetch, as_json(params), {}, outputs=fetch.outputs(params), path=path, signed=False)


def _files(steps: _Steps, recipe: Recipe, files: Iterable[Fetch], role: str = 'file') -> dict[str, str]:
    """Return a fetch step for each file, by role: ``file``, ``file2``, ``file3`` …"""
    return {f'{role}{n if n > 1 else ""}': _fetch(steps, recipe, file) for n, file in enumerate(files, start=1)}


def _data(steps: _Steps, recipe: Recipe, data: Data) -> str:
    inputs = _files(steps, recipe, data.files)
    python = data.prepare
    params = data_source.Params(python.file if python else '', python.function if python else '')
    return steps.add(
        recipe, data_source, as_json(params), inputs, outputs=data_source.outputs(params), signed=False,
        python=python.file if python else '',
    )  # fmt: skip


def _probe(steps: _Steps, recipe: Recipe) -> str:
    params = probe.Params(sizes=tuple(sorted(recipe.benchmark.sizes.items())))
    return steps.add(recipe, probe, as_json(params), {}, outputs=probe.outputs(params))


def _source(steps: _Steps, recipe: Recipe) -> str:
    source, python = SOURCES[recipe.source.format], recipe.source.python
    where = {'file': python.file, 'function': python.function} if python else {}
    params = source.Params(**where, **recipe.source.options)
    inputs = _files(steps, recipe, recipe.source.files, 'weights' if python else 'file')
    return steps.add(
        recipe, source, as_json(params), inputs, outputs=source.outputs(params), python=python.file if python else '',
        signed=not python,
    )  # fmt: skip


def _check(
    steps: _Steps,
    recipe: Recipe,
    model: str,
    format: str,
    reference: str | None,
    arrays: Mapping[str, str],
    probe_id: str,
    options: Any,
) -> str:
    engine = engine_for(format)
    assert engine is not None, 'only what an engine runs is checked'
    evaluate = recipe.data.get('evaluate')
    metric = evaluate.metric if evaluate else None
    params = gate.Params(
        engine=engine.ENGINE,
        options=as_json(options if options is not None else engine.Options()),
        threads=CHECK_THREADS,
        metric=as_json(metric),
        output=(evaluate.output or '') if evaluate else '',
        judge=metric.python.file if metric and metric.python else '',
        carries=recipe.carries,
    )
    inputs = {'model': model, 'probe': probe_id}
    if reference:
        inputs['reference'] = reference
    if 'evaluate' in arrays:
        inputs['evaluate'] = arrays['evaluate']
    return steps.add(
        recipe, gate, as_json(params), inputs, outputs=gate.outputs(params), tools=engine.TOOLS,
        code=(_module(engine),), host=True, python=params.judge,
    )  # fmt: skip


def _build(
    steps: _Steps,
    recipe: Recipe,
    variant: Variant,
    source: str,
    reference: str,
    arrays: Mapping[str, str],
    probe_id: str,
) -> Build:
    format, precision, model = recipe.source.format, 'f32', source
    last = len(variant.stages)

    def check(place: int) -> str | None:
        options, engine = variant.run if place == last else None, engine_for(format)
        if engine is None:
            return None  # nothing runs it; what it leads to is checked
        if model == source and options in (None, engine.Options()):
            return reference
        return _check(steps, recipe, model, format, reference, arrays, probe_id, options)

    chain = [Link(model, check(0), computed_in(variant.run, precision) if not last else precision)]
    for place, stage in enumerate(variant.stages, start=1):
        kind = kind_for(stage.kind, format)
        assert kind is not None, 'the reader lets only whole chains through'
        inputs = {'model': model} | {role: arrays[role] for role in kind.needs(stage.params)}
        model = steps.add(
            recipe, kind, as_json(stage.params), inputs, outputs=kind.outputs(stage.params),
            host=kind.host(stage.params), environment=kind.ENVIRONMENT,
        )  # fmt: skip
        format, precision = kind.GIVES, kind.precision(stage.params, precision)
        chain.append(Link(model, check(place), computed_in(variant.run, precision) if place == last else precision))
    return Build(recipe.model, variant, tuple(chain), needed_by(chain, steps.by_id))


def _module(engine: Any) -> str:
    assert isinstance(engine, ModuleType)
    return engine.__name__
