"""From a model file to a first report, as a user does it: how many commands, how many seconds?

    python benchmarks/first_report.py [--python PYTHON] [--environments] [--json FILE] MODEL …

For each MODEL, in an empty folder of its own: `modelkiln new`, then plain `doit`, both of the installation that PYTHON
(default: this one) belongs to; nothing is edited in between. Prints a line for each: format, seconds of either command,
seconds that their processes had a core, how many variants were built and failed, and whether there is a page. MODEL may
be followed by `@YAML`, its inputs, for formats that do not tell them: `net.py:build@{x: {shape: [batch, 3], dtype:
float32}}`. Locked environments are the user's; with `--environments` each MODEL makes its own, as who has none does.
Exit 1 where a page is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COMMANDS = 2
LIMIT = 1800.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--python', default=sys.executable)
    parser.add_argument('--environments', action='store_true', help='each model makes the environments that it needs')
    parser.add_argument('--json', type=Path, help='also write the rows there')
    parser.add_argument('model', nargs='+')
    asked = parser.parse_args()
    rows = []
    print(f'{"model":<28} {"format":<13} {"new s":>7} {"doit s":>7} {"core s":>7}  variants; commands: {COMMANDS}')
    for model in asked.model:
        row = first_report(asked.python, model, own=asked.environments)
        rows.append(row)
        seconds = f'{row["new"]:>7.1f} {row["doit"]:>7.1f} {row["core"]:>7.1f}'
        print(f'{row["model"]:<28} {row["format"]:<13} {seconds}  {row["said"]}', flush=True)
    if asked.json:
        told = {'load': os.getloadavg(), 'cores': os.cpu_count(), 'rows': rows}
        asked.json.write_text(json.dumps(told, indent=1) + '\n')
    return 0 if all(row['page'] for row in rows) else 1


def first_report(python: str, model: str, *, own: bool) -> dict[str, Any]:
    """Return what it took for one model."""
    path, _, inputs = model.partition('@')
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
        env |= {'MODELKILN_ENVIRONMENTS': str(Path(folder, 'environments'))} if own else {}
        told = ['--inputs', inputs] if inputs else []
        begun = [python, '-m', 'stages.command.main', 'new', 'first', '--from', str(Path(path).resolve()), *told]
        new, core, wrote = timed(begun, Path(folder), env)
        row = {'model': Path(path).name, 'format': '?', 'new': new, 'doit': 0.0, 'core': core, 'page': False}
        project = Path(folder, 'first')
        if not project.is_dir():
            return {**row, 'said': wrote[-300:]}
        doit, more, said = timed([python, '-m', 'doit'], project, env)
        report = project / 'artifacts/first/report.json'
        read = json.loads(report.read_text()) if report.exists() else {'rows': []}
        count = {status: sum(row['status'] == status for row in read['rows']) for status in ('built', 'failed')}
        page = (project / 'artifacts/first/report.html').exists()
        words = ', '.join(f'{number} {status}' for status, number in count.items() if number) or said[-300:]
        failed = [
            f'{row["variant"]}: {(row["failure"] or "").splitlines()[0][:150]}'
            for row in read['rows']
            if row['status'] == 'failed'
        ]
        text = (project / 'recipes/first.yaml').read_text()
        format = next(line.split(':')[0].strip() for line in text.partition('\nsource:\n')[2].splitlines())
        return {
            **row, 'format': format, 'doit': doit, 'core': core + more, 'page': page, 'failed': failed,
            'said': f'{words}{"" if page else ", NO PAGE"}', 'seconds': new + doit,
        }  # fmt: skip


def timed(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[float, float, str]:
    """Return the seconds that a command took, those that it and its processes had a core, and what it wrote."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, used, done.stdout


if __name__ == '__main__':
    raise SystemExit(main())
