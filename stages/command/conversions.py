"""Show which formats lead where, as the reports of real runs prove it; --write keeps it in docs/.

A recipe that was run as it is planned today counts as its report says; one that was not, as docs/ have it from its last
run, where its variants still go through the same kinds. So one recipe is enough to show one kind anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.atomic import write_text
from stages.engines import ENGINES
from stages.execute.project import find_root, open_project
from stages.kinds import KINDS
from stages.plan.step import Build, Plan
from stages.report.conversions import FAILED, REFUSED, WORKS, Edge, Evidence, document, read, rounded
from stages.report.conversions_page import as_page
from stages.sources import SOURCES

JSON, PAGE = 'docs/conversions.json', 'docs/conversions.md'
STATUS = {'built': WORKS, 'unsupported': REFUSED, 'failed': FAILED}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--write', action='store_true', help=f'write {JSON} and {PAGE}')


def run(asked: argparse.Namespace) -> int:
    root = find_root(Path.cwd())
    plan = open_project(root).plan
    kept = _json(root / JSON)
    before = [one for one in read(kept.get('evidence') or ()) if still_planned(plan, one)]
    evidence: list[Evidence] = []
    runs: dict[str, Any] = {}
    notes: list[str] = []
    for recipe, builds in plan.builds.items():
        report = _json(root / 'artifacts' / recipe / 'report.json')
        found = [one for build in builds if (one := evidence_of(plan, build, report))]
        if found:
            runs[recipe] = {'created': report['created'], 'cpu': report['machine']['cpu']['model']}
        elif found := [one for one in before if one.recipe == recipe]:
            runs[recipe] = kept['runs'][recipe]
            notes.append(f'{recipe}: as its run of {runs[recipe]["created"][:10]} showed it; run doit {recipe}')
        evidence += found
        known = {one.variant for one in found}
        if absent := [build.variant.name for build in builds if build.variant.name not in known]:
            notes.append(f'{recipe}: nothing known of {", ".join(absent)} as planned today; run doit {recipe}')
    made = document(evidence, tuple(SOURCES), edges(), runs)
    text = as_page(made)
    if asked.write:
        write_text(root / JSON, as_text(made))
        write_text(root / PAGE, text)
        print(f'{JSON} and {PAGE}: {len(evidence)} variants of {len(runs)} recipes')
    else:
        print(text)
    for note in notes:
        print(note)
    return 0


def still_planned(plan: Plan, one: Evidence) -> bool:
    """Whether today's plan has this variant, through the same formats and kinds; its steps may be others."""
    builds = {build.variant.name: build for build in plan.builds.get(one.recipe, ())}
    build = builds.get(one.variant)
    if build is None or formats_of(plan, build) != one.formats:
        return False
    return tuple(stage.kind for stage in build.variant.stages) == one.kinds


def edges() -> list[Edge]:
    """Every kind on every format it takes, as the table of kinds has them."""
    kinds = [(word, kind) for word, kinds in KINDS.items() for kind in kinds]
    return [Edge(word, format, kind.GIVES) for word, kind in kinds for format in kind.ACCEPTS]


def as_text(made: Mapping[str, Any]) -> str:
    return json.dumps(made, indent=1, ensure_ascii=False) + '\n'


def evidence_of(plan: Plan, build: Build, report: Mapping[str, Any]) -> Evidence | None:
    """What a report says of a variant; None when it says nothing, or says it of other steps."""
    row = next((row for row in report.get('rows') or () if row['variant'] == build.variant.name), None)
    ids = tuple(link.step for link in build.chain)
    if row is None or tuple(step.get('step') for step in row.get('steps') or ()) != ids[1:]:
        return None
    if report['source']['step'] != ids[0]:
        return None
    compressed, reason, metric = row['compressed'] or {}, row['reason'], row['metric'] or row['agreement'] or {}
    words = f'{reason["head"]}{"; " * bool(reason["words"])}{(reason["words"] or [""])[0]}' if reason else ''
    return Evidence(
        recipe=build.recipe,
        variant=build.variant.name,
        formats=formats_of(plan, build),
        kinds=tuple(stage.kind for stage in build.variant.stages),
        makes=tuple(step['makes'] for step in row['steps']),
        steps=ids,
        status=STATUS[row['status']],
        engine=row['engine'],
        precision=row['precision'],
        at=_stage(plan, build, reason['step']) if reason else None,
        words=words or row['failure'] or '',
        relative=rounded(row['difference']['relative']),
        size_bytes=row['size_bytes'],
        metric=metric.get('name', ''),
        value=rounded(metric.get('value')),
        against=compressed.get('form', ''),
        size_ratio=rounded(compressed.get('size')),
        metric_change=rounded(compressed.get('metric')),
        versions=_versions(plan, build, report['versions']),
    )


def formats_of(plan: Plan, build: Build) -> tuple[str, ...]:
    """The source's format, then what each stage of a variant gives."""
    gives = {kind.__name__: kind.GIVES for kinds in KINDS.values() for kind in kinds}  # type: ignore[attr-defined]
    source = plan.recipes[build.recipe].source.format
    return (source, *(gives[plan.steps[link.step].module] for link in build.chain[1:]))


def _stage(plan: Plan, build: Build, name: str) -> int | None:
    """Which stage a failed step is, or is the check of; None when it failed before the first."""
    for place, link in enumerate(build.chain[1:]):
        if name in (plan.steps[id].name for id in (link.step, link.check) if id):
            return place
    return None


def _versions(plan: Plan, build: Build, known: Mapping[str, str]) -> dict[str, str]:
    engine = ENGINES[build.variant.engine]
    apart = f' ({engine.ENVIRONMENT})' if engine.ENVIRONMENT else ''
    named = {f'{tool}{apart}' for tool in engine.TOOLS}
    for step in (plan.steps[link.step] for link in build.chain):
        named |= {f'{tool} ({step.environment})' if step.environment else tool for tool in step.tools}
    return {name: known[name] for name in sorted(named & known.keys())}


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return found
