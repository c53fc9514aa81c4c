"""Write a recipe's report and point ``best`` at the winner; know when both are still true."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages import terminal
from stages.atomic import write_text
from stages.digest import digest_of, file_digest
from stages.execute import tools
from stages.execute.ensure import failure_of
from stages.execute.project import Project
from stages.layout import benchmark
from stages.layout.artifact import changed
from stages.layout.history import note
from stages.layout.index import write_index
from stages.layout.outcome import Outcome
from stages.store.files import signature
from stages.store.records import is_seen, read_record

CODE = ('stages.layout.findings', 'stages.report', 'stages.layout.outcome')
BEST = 'best'


def is_reported(project: Project, recipe: str) -> bool:
    """Whether the pages in place are of today's results, samples and bounds. Changes nothing."""
    return not unreported(project, recipe)


def unreported(project: Project, recipe: str) -> str:
    """Return why the pages in place are not those of today, in words; empty when they are. Changes nothing."""
    kept = _record(project, recipe)
    if kept is None:
        return 'it was not written before, or something in it failed'
    if kept['key'] != report_key(project, recipe):
        return 'what it tells of changed'
    folder = project.root / 'artifacts' / recipe
    wrong = (name for name, file in kept['files'].items() if changed(folder / name, file))
    return f'{name} is not as written' if (name := next(wrong, '')) else ''


def report(project: Project, recipe: str, outcomes: list[Outcome]) -> list[str]:
    """Write report.md, .html, .csv, .json, samples.json, ``best`` and the index; return what failed, in words.

    That is measuring, what got worse than the recipe's ``regression:`` block allows, and what is over its budget.
    """
    from stages.layout.findings import findings_of
    from stages.report import DRAW, TOOLS, write_report
    from stages.report.words import verdict_sentence

    missing = [tool for tool, version in tools.versions(TOOLS, project.installed).items() if version == tools.MISSING]
    absent = [tool for tool in missing if tool in DRAW]
    if missing != absent:
        # without it nothing can be said of the samples, and so nothing is chosen
        terminal.note(f'  {recipe}: no report, because scipy is not installed; run: {tools.remedy(missing)}')
        _path(project, recipe).unlink(missing_ok=True)
        return []
    folder = project.root / 'artifacts' / recipe
    folder.mkdir(parents=True, exist_ok=True)
    rows = benchmark.wanted(project, outcomes)
    outcomes = benchmark.with_failures(project, outcomes, rows)
    findings = findings_of(project, recipe, outcomes, rows)
    choice, verdict = write_report(findings, folder, draw=not absent)
    samples: dict[str, list[Any]] = {outcome.build.variant.name: [] for outcome in outcomes}
    known = benchmark.recorded(project, rows)
    for row in rows:
        if found := known.get(row.key):
            samples[row.outcome.build.variant.name].append(found)
    raw = {'format': 1, 'clock': 'perf_counter_ns', 'variants': samples}
    write_text(folder / 'samples.json', json.dumps(raw) + '\n')
    if choice.name:
        write_text(folder / BEST, choice.name + '\n')
    else:
        (folder / BEST).unlink(missing_ok=True)
    pages = ['report.md', *([] if absent else ['report.html'])]
    names = [*pages, 'report.csv', 'report.json', 'samples.json', *([BEST] if choice.name else [])]
    failed = [o.build.name for o in outcomes if o.broken]
    lost = note(project, recipe, report_key(project, recipe))
    around = (failure_of(project, id) for id in project.plan.around_of(recipe))
    lost += [f'{recipe}: whole requests are not measured: {failure}' for failure in around if failure]
    over = [f'{recipe}: over budget: {words}' for words in verdict.over]
    if failed or lost or over or benchmark.to_measure(project, rows):
        _path(project, recipe).unlink(missing_ok=True)  # incomplete: looked at again next time
    else:
        write_text(_path(project, recipe), record(project, recipe, names))
    if absent:
        (folder / 'report.html').unlink(missing_ok=True)
        terminal.note(
            f'  no page with charts, because {", ".join(absent)} is not installed; run: {tools.remedy(absent)}'
        )
    project.reports.append(f'artifacts/{recipe}/{pages[-1]}')
    terminal.note(f'  {recipe}: {verdict_sentence(verdict, choice)}\n  report  {project.reports[-1]}')
    write_index(project)
    return [*(f'{outcome.build.name}: {words}' for outcome in outcomes for words in outcome.measuring), *lost, *over]


def record(project: Project, recipe: str, names: list[str]) -> str:
    """Return what is kept of a finished report: what it was made from, and its files."""
    folder = project.root / 'artifacts' / recipe
    files = {name: {'stat': signature(folder / name), 'sha256': file_digest(folder / name)} for name in names}
    return json.dumps({'key': report_key(project, recipe), 'files': files}) + '\n'


def report_key(project: Project, recipe: str) -> str:
    """Return the digest of everything the pages say, as cheap to compute as looking at stamps."""
    plan = project.plan
    read = plan.recipes[recipe]
    stamps = {id: project.stamp(id) for id in plan.steps_of(recipe)}
    return digest_of(
        {
            'stamps': {id: stamp.key if stamp else None for id, stamp in stamps.items()},
            'builds': [[b.variant.name, b.variant.engine, b.variant.batch, [[k.step, k.check] for k in b.chain]]
                       for b in plan.builds[recipe]],
            'asked': [asdict(read.check), asdict(read.benchmark), asdict(read.choose), read.preprocessing, read.file],
            'regression': read.regression,
            'tools': _engine_tools(project, recipe),
            'machine': benchmark.fingerprint_of_this_machine(project),
            'code': project.code(CODE),
        }
    )  # fmt: skip


def _engine_tools(project: Project, recipe: str) -> dict[str, str]:
    from stages.report import TOOLS

    found = tools.versions(TOOLS, project.installed)
    for engine in sorted({build.variant.engine for build in project.plan.builds[recipe]}):
        found |= project.tools_of(engine)
    return dict(sorted(found.items()))


def _path(project: Project, recipe: str) -> Path:
    return project.state / 'reports' / f'{recipe}.json'


def _record(project: Project, recipe: str) -> dict[str, Any] | None:
    return read_reported(_path(project, recipe))


def read_reported(path: Path) -> dict[str, Any] | None:
    """Return what was noted of a finished report: what it was made from, and its files."""
    kept = read_record(path, {'key': str, 'files': dict})
    return kept if kept and is_seen(kept['files']) else None
