"""Remove what the recipes of today do not need: stored results, stamps, logs, old environments, temporary folders.

What is reached from the recipes as they stand stays: what is built of them, and what a build of them would find. Going
back to an earlier state of a recipe builds nothing as long as its results are there; so keep as much as there is room
for. It is safe beside running builds: what they use stays.

  modelkiln gc                   all that is not reached
  modelkiln gc --keep 20GiB      until the store holds 20 GiB, used longest ago first
  modelkiln gc --older 30d       only what nobody used for 30 days
  modelkiln gc --dry-run         say what would go; with either of the two

Sizes are written 500MB, 20GiB; ages 12h, 30d, 2w. What is small and dear stays for 30 days after nothing reaches it,
unless --older says otherwise: samples of measurements, what a tuning found, what stood in a step's place before; so do
locked environments after their last use, for other projects of yours may need them; the folders of `modelkiln repeat`
stay for a day. `modelkiln du` says what takes how much. Artifacts are not touched: those of variants that are gone go
with the next `doit`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from stages.atomic import clear_parts
from stages.environments.place import shared_folder
from stages.execute import environment
from stages.execute.project import Project, find_root, open_project
from stages.front.leavings import clear_leavings, written
from stages.layout.needed import SHARED, leftovers, needed_results, size_of
from stages.recipe.units import AGES, SIZES, amount
from stages.store.collect import Rule, Swept, collect, sweep_locks
from stages.store.locks import locked
from stages.store.runs import living_since, remove
from stages.terminal import size_words

DAY = 86400.0
MONTH = 30 * DAY
GRACE = {'samples': MONTH, 'kept work': MONTH, 'lineages': MONTH, 'repeated steps': DAY, SHARED: MONTH}
"""How long some things stay when --older does not say."""


def arguments(parser: argparse.ArgumentParser) -> None:
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument('--keep', metavar='SIZE', type=_size, help='keep what was used last, up to this size: 20GiB')
    rule.add_argument('--older', metavar='AGE', type=_age, help='remove only what was not used for so long: 30d')
    parser.add_argument('--dry-run', action='store_true', help='say what would be removed; remove nothing')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    if not project.state.is_dir():
        print('nothing was built here yet')
        return 0
    if asked.dry_run:
        swept = sweep(project, asked, dry=True)
    else:
        with locked(project.state / 'gc.lock', waiting='another gc is at work'):
            swept = sweep(project, asked, dry=False)
            clear_leavings(project)
            clear_parts(written(project))
    for what in swept.counts:
        print(f'{swept.counts[what]:>7} {what:<16} {size_words(swept.sizes[what]):>10}')
    words = 'would be freed' if asked.dry_run else 'freed'
    print(f'{size_words(sum(swept.sizes.values()))} {words}')
    return 0


def sweep(project: Project, asked: argparse.Namespace, *, dry: bool) -> Swept:
    """Remove what may go; return what that was."""
    started = time.time()
    since = living_since(project.store.tmp, started)
    living = since < started
    needed = needed_results(project, living=living)
    swept = collect(project.store, needed, started, Rule(asked.older or 0.0, asked.keep), dry=dry)
    for left in [*leftovers(project)]:
        grace = GRACE.get(left.what, 0.0) if asked.older is None else asked.older
        busy = living and left.what in ('stamps', 'environments')
        if busy or left.used >= min(since, started - grace):
            continue
        size = size_of(left.path)
        environments = left.what in (SHARED, 'environments')
        if dry or (environment.take_away(project, left.path) if environments else remove(left.path)):
            swept.add(left.what, size)
    if not dry:
        sweep_locks(project.state / 'locks', swept)
        if shared := shared_folder():
            sweep_locks(shared / environment.LOCKS, swept)
    return swept


def _size(text: str) -> int:
    found = 0.0 if text == '0' else amount(text, SIZES)
    if found is None:
        raise argparse.ArgumentTypeError(f'{text} is no size; write it as 500MB or 20GiB')
    return int(found)


def _age(text: str) -> float:
    found = 0.0 if text == '0' else amount(text, AGES)
    if found is None:
        raise argparse.ArgumentTypeError(f'{text} is no age; write it as 12h, 30d or 2w')
    return found
