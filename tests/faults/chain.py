"""chain.json in, a Plan of fake steps out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from stages.digest import digest_of
from stages.execute.project import Project
from stages.plan.step import Build, Link, Plan, Step, needed_by
from stages.recipe.model import Benchmark, Check, Choose, Recipe, Source, Variant


def plan_of(root: Path) -> Plan:
    """Return one recipe ``fake``: variant ``v`` is the chain; each of ``others`` is a chain of its own from nothing."""
    asked = json.loads((root / 'chain.json').read_text())
    steps: dict[str, Step] = {}
    refused = asked.get('unsupported', [])
    chains = {'v': asked['steps'], **asked.get('others', {})}
    builds = [_build(steps, name, chain, name in refused) for name, chain in chains.items()]
    may = asked.get('optional', ())
    optional = tuple(replace(each.variant, optional=True) for each in builds if each.variant.name in may)
    source, rest = Source('fake', None, ()), (Check(None), Benchmark(), Choose())
    recipe = Recipe('recipes/fake.yaml', 'fake', source, (), (), '', {}, optional, *rest)
    return Plan(steps, {'fake': tuple(builds)}, {'fake': recipe}, {})


def project_at(root: Path) -> Project:
    return Project(root, plan_of(root))


def _build(steps: dict[str, Step], name: str, chain: list[dict[str, object]], unsupported: bool) -> Build:
    links, before = [], None
    for asked in chain:
        asked = dict(asked)
        path, timeout = asked.pop('path', ''), asked.pop('timeout', 60.0)
        tools = tuple(asked.pop('tools', ()))
        params = {'text': '', 'seconds': 0.0, 'does': 'write', **asked}
        inputs = {'model': before} if before else {}
        before = digest_of([params['name'], params, inputs, path])[:16]
        steps[before] = Step(
            before, 'fake', 'tests.faults.fake', params, inputs, '', path, None, ('out.txt',), tools,
            ('stages.contract.kind',), False, timeout,
        )  # fmt: skip
        links.append(Link(before, None))
    variant = Variant(name, (), 'fake', 'torch', None, 1, 0, unsupported)
    return Build('fake', variant, tuple(links), needed_by(links, steps))
