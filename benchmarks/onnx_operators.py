"""ONNX's own node tests through the source, the kinds and the engines: what passes, what is refused, what is wrong.

    python benchmarks/onnx_operators.py [--only 'conv_*'] [--column tvm] [--jobs 1] [--write]

Each test is run as it is, and frozen: every input but the first a weight, which is what models look like. The judge is
the test's own expected output. A case runs in a process of its own; results are kept, so an interrupted run goes on
where it was. --write puts the table into docs/operators.md. Exit 1 when an answer is wrong, or a crash, that the tool
alone does not have.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ |= {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', 'TVM_NUM_THREADS': '1'}  # before any is loaded

from benchmarks.operators import child, page  # noqa: E402
from benchmarks.operators.cases import Case, cases  # noqa: E402
from benchmarks.operators.columns import COLUMNS, prepared  # noqa: E402
from benchmarks.operators.outcome import OUTCOMES, Outcome  # noqa: E402

TOOLS = ('onnx', 'onnxruntime', 'openvino', 'apache-tvm')
Results = dict[tuple[str, str], Outcome]


def usual_file() -> Path:
    """Return where results of this house, with these tools, are kept when nobody says otherwise."""
    digest = hashlib.sha256(repr([version(tool) for tool in TOOLS]).encode())
    for path in sorted((ROOT / 'stages').rglob('*.py')):
        digest.update(path.read_bytes())
    return Path(tempfile.gettempdir(), f'modelkiln-operators-{digest.hexdigest()[:12]}.jsonl')


def kept(path: Path) -> Results:
    """Return what earlier runs found; a later line counts more, one that was cut off not at all."""
    found: Results = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            case, column, outcome = json.loads(line)
        except ValueError:
            continue
        found[case, column] = Outcome(**outcome)
    return found


def run(todo: list[tuple[Case, list[str]]], jobs: int, path: Path) -> Iterator[tuple[tuple[str, str], Outcome]]:
    """Run what is left to do; write each outcome down as it comes, and say how far it is."""
    count, begun, last = sum(len(names) for _, names in todo), time.monotonic(), 0.0
    with path.open('a') as file:
        for done, (cell, outcome) in enumerate(child.outcomes(todo, jobs), 1):
            print(json.dumps([cell.case.key, cell.column, asdict(outcome)]), file=file, flush=True)
            yield (cell.case.key, cell.column), outcome
            now = time.monotonic()
            if now - last > 10 or done == count:
                left, last = (now - begun) / done * (count - done), now
                print(f'{done} of {count}, {left / 60:.0f} min left: {cell.case.key}', file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', action='append', default=[], metavar='GLOB', help='tests by name: conv_*, lstm_*')
    parser.add_argument('--column', action='append', choices=COLUMNS, help='default: all')
    parser.add_argument('--jobs', type=int, default=1, help='cases at a time (default 1)')
    parser.add_argument('--keep', type=Path, metavar='FILE', help='where results are kept (default: a temporary file)')
    parser.add_argument('--again', action='store_true', help='run what is asked for also where a result is kept')
    parser.add_argument('--write', action='store_true', help='write docs/operators.md')
    asked = parser.parse_args()
    chosen, columns, path = cases(asked.only), asked.column or list(COLUMNS), asked.keep or usual_file()
    if not chosen:
        parser.error(f'no test is called {" or ".join(asked.only)}')
    results = kept(path)
    print(f'results are kept in {path}', file=sys.stderr)
    old = {} if asked.again else results
    todo = [(case, names) for case in chosen if (names := [c for c in columns if (case.key, c) not in old])]
    os.nice(19)
    if todo:
        prepared()
        results |= dict(run(todo, asked.jobs, path))
    wanted = [(case.key, column) for case in chosen for column in columns]
    found = {key: results[key] for key in wanted if key in results}
    ours = {key: outcome for key, outcome in found.items() if outcome.ours}
    for column in columns:
        counts = [sum(o.what == what for (_, c), o in found.items() if c == column) for what in OUTCOMES]
        print(f'{column:10}', ', '.join(f'{n} {what}' for n, what in zip(counts, OUTCOMES, strict=True) if n))
    for (case, column), outcome in ours.items():
        print(f'OURS  {case}, {column}: {outcome.what}: {outcome.words}')
    if asked.write:
        (ROOT / 'docs' / 'operators.md').write_text(page.page(chosen, results, {t: version(t) for t in TOOLS}), 'utf-8')
    return int(bool(ours))


if __name__ == '__main__':
    sys.exit(main())
