"""What building costs beside the work itself: a recipe built cold, by ``doit`` and by one hand-written script.

    python benchmarks/cold.py rnet efficientnet-lite0 --rounds 3

The script makes the same calls of sources, kinds and checks, in the plan's order, in one process, without keys, copies,
store or confinement: what an engineer would write. Both begin with everything fetched and nothing built. Variants that
call a C++ compiler or tune are left out: they take minutes on both sides. Nothing is measured or reported by either.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.contract.job import Job  # noqa: E402
from stages.contract.port import Contract, contract_json, write_contract  # noqa: E402
from stages.execute.ensure import copy_result, ensure  # noqa: E402
from stages.execute.project import STATE, Project, open_project  # noqa: E402
from stages.launch import worker  # noqa: E402
from stages.sources import fetch  # noqa: E402

SLOW = ('aoti', 'tvm-tune')
SCRIPT_ENV = {'PYTHONHASHSEED': '0', 'SOURCE_DATE_EPOCH': '315532800', 'TF_CPP_MIN_LOG_LEVEL': '2'}


def chosen(project: Project, recipe: str) -> list[str]:
    """Return the ids of the steps to build, inputs first, without the fetches."""
    ids: dict[str, None] = {}
    for build in project.plan.builds[recipe]:
        kinds = {project.plan.steps[id].kind for id in build.steps}
        options = getattr(build.variant.run, 'compile', None)
        if not (build.variant.unsupported or kinds & set(SLOW)) and options in (None, 'none', ''):
            ids |= dict.fromkeys(build.steps)
    return [id for id in project.plan.steps if id in ids and project.plan.steps[id].kind != fetch.KIND]


def fetched(project: Project, ids: list[str]) -> list[str]:
    """Fetch all that the steps need; return the ids of the fetches."""
    found = {id for step in ids for id in project.plan.steps[step].inputs.values()} - set(ids)
    for id in found:
        failure = ensure(project, project.plan.steps[id])
        if failure:
            raise SystemExit(str(failure))
    return sorted(found)


def requests(project: Project, ids: list[str], fetches: list[str], folder: Path) -> Path:
    """Write what the script has to call; what was fetched lies ready."""
    for id in fetches:
        copy_result(project, id, folder / id)
    calls = []
    for id in ids:
        step = project.plan.steps[id]
        declared = contract_json(step.declared) if step.declared else None
        about = {'id': id, 'module': step.module, 'params': dict(step.params), 'inputs': dict(step.inputs)}
        calls.append(about | {'python': step.python, 'path': step.path, 'declared': declared})
    path = folder / 'calls.json'
    path.write_text(json.dumps({'recipes': str(project.root / 'recipes'), 'calls': calls}))
    return path


def script(path: Path) -> None:
    """Make every call, one after the other, in this process."""
    asked, folder = json.loads(path.read_text()), path.parent
    for call in asked['calls']:
        out = folder / call['id']
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        inputs = {}
        for role, id in call['inputs'].items():
            inputs[role] = folder / id / 'data.npz' if role in worker.ARCHIVES else folder / id
        for role in ('python', 'path'):
            if call[role]:
                inputs[role] = Path(asked['recipes'])
        module = importlib.import_module(call['module'])
        params = module.Params(**{name: worker.tuples(value) for name, value in call['params'].items()})
        contract = worker.contract_for(call, inputs)
        made = module.run(params, Job(inputs, out, contract, lambda fraction, words: None))
        if isinstance(made, Contract):
            write_contract(worker.precise(module, params, made, contract.precision), out)


def timed(argv: list[str], cwd: Path, env: dict[str, str]) -> float:
    """Return the seconds of a command."""
    begun = time.perf_counter()
    done = subprocess.run(
        argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    taken = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f'{" ".join(argv)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}')
    return taken


def compared(recipe: str, rounds: int) -> None:
    """Print the ratios of one recipe."""
    with tempfile.TemporaryDirectory() as name:
        root, plain = Path(name) / 'project', Path(name) / 'plain'
        plain.mkdir()
        shutil.copytree(ROOT / 'recipes', root / 'recipes', ignore=shutil.ignore_patterns('__pycache__'))
        if (ROOT / 'kinds').is_dir():
            shutil.copytree(ROOT / 'kinds', root / 'kinds', ignore=shutil.ignore_patterns('__pycache__'))
        shutil.copyfile(ROOT / 'dodo.py', root / 'dodo.py')
        project = open_project(root)
        ids = chosen(project, recipe)
        calls = requests(project, ids, fetched(project, ids), plain)
        project.remembered.save()
        project.launcher.close()
        shutil.copytree(root / STATE, Path(name) / 'fetched')
        names = [f'_{project.plan.steps[id].name}' for id in ids]
        env = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONDONTWRITEBYTECODE': ''}
        found: dict[str, list[Any]] = {'script': [], '-n 1': [], '-n 2': []}
        for _ in range(rounds):
            found['script'].append(timed([sys.executable, __file__, '--script', str(calls)], plain, env | SCRIPT_ENV))
            for workers in ('1', '2'):
                shutil.rmtree(root / STATE)
                shutil.copytree(Path(name) / 'fetched', root / STATE)
                found[f'-n {workers}'].append(timed([sys.executable, '-m', 'doit', '-n', workers, *names], root, env))
        print(f'{recipe}: {len(ids)} steps; the script takes {median(found["script"]):.1f} s')
        for workers in ('-n 1', '-n 2'):
            ratios = sorted(ours / plain for ours, plain in zip(found[workers], found['script'], strict=True))
            print(f'  doit {workers}: {median(ratios):.2f} × ({ratios[0]:.2f}–{ratios[-1]:.2f})', flush=True)


def main() -> None:
    """Compare, or be the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe', nargs='*', default=['rnet', 'efficientnet-lite0'])
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--script', type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.script:
        script(asked.script)
        return
    for recipe in asked.recipe:
        compared(recipe, asked.rounds)


if __name__ == '__main__':
    main()
