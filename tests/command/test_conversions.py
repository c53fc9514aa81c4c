"""The conversion matrix: made of reports of today's steps only, and what docs/ says is what the recipes still have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.command.conversions import as_text, edges, still_planned
from stages.command.main import main
from stages.execute.project import open_project
from stages.plan.step import Plan
from stages.report import read_findings, write_report
from stages.report.conversions import Edge, Evidence, cell, document, link, optimised, read
from stages.report.conversions_page import as_page
from tests.report.example import cycle
from tests.small import Small

ROOT = Path(__file__).parents[2]
AGAIN = 'run modelkiln conversions --write'
EDGES = [
    Edge('onnx', 'torch', 'onnx'), Edge('onnx-optimize', 'onnx', 'onnx'), Edge('openvino', 'onnx', 'openvino'),
    Edge('aoti', 'torch', 'aoti'),
]  # fmt: skip


def shown(variant: str, *stages: Edge, **more: Any) -> Evidence:
    """A variant that works, by way of these stages from torch."""
    facts: dict[str, Any] = {
        'recipe': 'net', 'variant': variant, 'formats': ('torch', *(edge.gives for edge in stages)),
        'kinds': tuple(edge.kind for edge in stages), 'makes': ('f32',) * len(stages), 'steps': (), 'status': 'works',
        'engine': 'any', 'precision': 'f32', 'relative': 1e-6,
    }  # fmt: skip
    return Evidence(**facts | more)


def test_a_cell_says_what_was_shown_and_by_way_of_what() -> None:
    evidence = [shown('torch'), shown('onnx', EDGES[0]), shown('ov', EDGES[0], EDGES[2])]
    straight, over = (cell(evidence, EDGES, 'torch', target) for target in ('onnx', 'openvino'))
    assert (straight['status'], straight['by'], straight['over']) == ('works', 'net:onnx', [])
    assert (over['status'], over['by'], over['over']) == ('works', 'net:ov', ['onnx'])


def test_a_way_nobody_took_is_not_said_to_work() -> None:
    found = cell([shown('onnx', EDGES[0])], EDGES, 'torch', 'openvino')
    assert (found['status'], found['over'], found['kinds']) == ('not shown', ['onnx'], ['onnx', 'openvino'])
    assert cell([], EDGES, 'openvino', 'torch')['status'] == 'no way'


def test_a_refusal_has_the_tools_words_and_lies_at_the_stage_that_refused() -> None:
    no = shown('ov', EDGES[0], EDGES[2], status='refused', at=1, words='no operator Fancy', relative=None)
    assert cell([no], EDGES, 'torch', 'openvino')['status'] == 'refused'
    assert cell([no], EDGES, 'torch', 'openvino')['refused']['words'] == 'no operator Fancy'
    assert cell([no], EDGES, 'torch', 'onnx')['status'] == 'not shown'
    assert [link([no], edge)['status'] for edge in EDGES] == ['works', 'not shown', 'refused', 'not shown']


def test_the_plainest_way_stands_for_the_others() -> None:
    light = shown('int8', EDGES[0], makes=('int8',), precision='int8', relative=0.0)
    assert cell([light, shown('onnx', EDGES[0])], EDGES, 'torch', 'onnx')['by'] == 'net:onnx'


def test_an_optimisation_stands_against_the_variant_without_it() -> None:
    plain, better = shown('onnx', EDGES[0], size_bytes=100), shown('optimized', EDGES[0], EDGES[1], size_bytes=80)
    (line,) = optimised([plain, better], EDGES[1])
    assert (line['by'], line['against'], line['size_ratio']) == ('net:optimized', 'onnx', 0.8)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's own resnet18 recipe, with a report of its steps as planned."""
    shutil.copytree(ROOT / 'recipes' / 'models', tmp_path / 'recipes' / 'models')
    shutil.copy(ROOT / 'recipes' / 'resnet18.yaml', tmp_path / 'recipes')
    monkeypatch.chdir(tmp_path)
    report(open_project(tmp_path).plan, tmp_path / 'artifacts' / 'resnet18')
    return tmp_path


def report(plan: Plan, folder: Path) -> None:
    """Write the pages of a recipe whose variants all came out well, with simulated times."""
    import random

    rng, makes = random.Random(5), {'onnx-quantize': 'int8', 'torch-quantize': 'int8', 'openvino-quantize': 'int8'}
    variants = [
        {'name': build.variant.name, 'engine': build.variant.engine, 'format': build.variant.format, 'batch': 1,
         'precision': 'int8' if {stage.kind for stage in build.variant.stages} & makes.keys() else 'f32',
         'status': 'built', 'size_bytes': 10**6,
         'stages': [{'kind': stage.kind, 'params': {}, 'step': link.step, 'makes': makes.get(stage.kind, 'f32')}
                    for stage, link in zip(build.variant.stages, build.chain[1:], strict=True)],
         'check': {'difference': {'relative': 1.234567e-6, 'max_abs': 1e-5, 'cosine': 1.0} if build.variant.stages
                   else None},
         'measured': [{'threads': 1, 'cycles': [cycle(rng, 9.0, repetitions=5)]}]}
        for build in plan.builds['resnet18']
    ]  # fmt: skip
    step = plan.baseline('resnet18').chain[0].step
    found = {
        'model': 'resnet18', 'created': '2026-01-31T12:00:00Z', 'baseline': 'torch', 'variants': variants,
        'source': {'format': 'torch', 'step': step}, 'machine': {'cpu': {'model': 'a CPU'}},
        'versions': {'onnxruntime': '1.32.0', 'unrelated': '1'},
    }  # fmt: skip
    write_report(read_findings(found), folder)


def change(project: Path, old: str, new: str) -> None:
    recipe = project / 'recipes' / 'resnet18.yaml'
    text = recipe.read_text(encoding='utf-8')
    assert old in text
    recipe.write_text(text.replace(old, new, 1), encoding='utf-8')


def test_the_command_writes_what_the_reports_prove(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['conversions', '--write']) == 0
    found = json.loads((project / 'docs' / 'conversions.json').read_text(encoding='utf-8'))
    there = {(one['source'], one['target']): one for one in found['matrix']}
    assert there['torch', 'onnx']['by'] == 'resnet18:onnx' and there['torch', 'onnx']['relative'] == 1.23e-6
    entry = next(one for one in found['evidence'] if one['variant'] == 'onnx')
    assert entry['versions'] == {'onnxruntime': '1.32.0'}
    assert (project / 'docs' / 'conversions.md').read_text(encoding='utf-8') == as_page(found)
    assert 'nothing known' not in capsys.readouterr().out


def test_a_report_of_a_real_run_counts(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.root)
    assert main(['conversions', '--write']) == 0
    found = json.loads((small.root / 'docs' / 'conversions.json').read_text(encoding='utf-8'))
    evidence = {one.variant: one for one in read(found['evidence'])}
    assert evidence['onnx'].status == 'works' and (evidence['onnx'].relative or 0) < 1e-4
    assert evidence['onnx-int8'].makes == ('f32', 'int8') and evidence['onnx-int8'].against == 'onnx'
    assert 'onnxruntime' in evidence['onnx'].versions


def test_a_report_of_other_steps_proves_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(project, '[onnx]\n', '[onnx: {opset: 19}]\n')
    assert main(['conversions', '--write']) == 0
    found = json.loads((project / 'docs' / 'conversions.json').read_text(encoding='utf-8'))
    assert 'onnx' not in {one['variant'] for one in found['evidence']}
    assert 'resnet18: nothing known of onnx as planned today; run doit resnet18' in capsys.readouterr().out


def test_what_is_known_of_a_recipe_stays_while_it_is_not_built(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['conversions', '--write']) == 0
    first = (project / 'docs' / 'conversions.json').read_bytes()
    shutil.rmtree(project / 'artifacts')
    change(project, '[onnx]\n', '[onnx: {opset: 19}]\n')

    assert main(['conversions', '--write']) == 0
    assert (project / 'docs' / 'conversions.json').read_bytes() == first
    assert 'resnet18: as its run of 2026-01-31 showed it; run doit resnet18' in capsys.readouterr().out


def test_what_is_known_of_a_variant_goes_with_the_way_it_took(project: Path) -> None:
    assert main(['conversions', '--write']) == 0
    shutil.rmtree(project / 'artifacts')
    change(project, '[onnx]\n', '[torchscript]\n')

    assert main(['conversions', '--write']) == 0
    found = json.loads((project / 'docs' / 'conversions.json').read_text(encoding='utf-8'))
    assert 'onnx' not in {one['variant'] for one in found['evidence']}


def test_without_write_nothing_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['conversions']) == 0
    assert '| torch ' in capsys.readouterr().out and not (project / 'docs').exists()


@pytest.fixture(scope='module')
def kept() -> dict[str, Any]:
    """The matrix in docs/."""
    found: dict[str, Any] = json.loads((ROOT / 'docs' / 'conversions.json').read_text(encoding='utf-8'))
    return found


def test_every_entry_in_docs_is_a_variant_of_todays_plan(kept: dict[str, Any]) -> None:
    plan = open_project(ROOT).plan
    gone = [one.name for one in read(kept['evidence']) if not still_planned(plan, one)]
    assert not gone, f'{AGAIN}: no such variant, or by way of other formats: {", ".join(gone)}'


def test_every_use_of_a_kind_in_docs_is_one_of_today(kept: dict[str, Any]) -> None:
    gone = sorted(' '.join(edge) for edge in edges_of(kept) if edge not in edges())
    assert not gone, f'{AGAIN}: no such kind, or not for this format: {", ".join(gone)}'


def test_docs_say_what_follows_from_their_evidence(kept: dict[str, Any]) -> None:
    again = document(read(kept['evidence']), kept['sources'], edges_of(kept), kept['runs'])
    assert json.loads(as_text(again)) == kept, AGAIN


def edges_of(kept: dict[str, Any]) -> list[Edge]:
    """The uses of kinds that docs/ know: a new kind is in them once a recipe has shown it."""
    return [Edge(one['kind'], one['takes'], one['gives']) for one in kept['kinds']]


def test_the_page_in_docs_is_what_its_json_gives(kept: dict[str, Any]) -> None:
    assert (ROOT / 'docs' / 'conversions.md').read_text(encoding='utf-8') == as_page(kept), AGAIN
