"""The real doit on a disk that fails: ``python -m tests.faults.every_fault FOLDER [all]`` prints a line of JSON a case.

One process loads everything once and forks for each case: one operation on the disk fails in the first run, nothing in
the second. It begins with nothing, and over what was delivered before. Without ``all`` each write, fsync and rename
fails once, by the errors in turn, and of those over something the delivery alone; with it all do, by each error.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.doit_cmd import DoitMain

from tests.faults.conftest import Chain, chain_at
from tests.faults.faultfs import DENIED, ERRORS, FaultFS, failing

FILES = ('write', 'fsync', 'replace', 'rename', 'link')


def main(folder: Path, *, every: bool) -> None:
    for over in (False, True):
        whole = run(begun(folder, over=over), -1, 'EIO')
        for number, (what, path) in enumerate(whole['seen']):
            if not every and (what not in FILES or (over and 'artifact' not in path)):
                continue
            able = [error for error in ERRORS if possible(what, error)]
            for error in able if every else [able[number % len(able)]]:
                told = case(folder, over, number, error)
                print(json.dumps({'what': what, 'path': path, 'error': error, **told}), flush=True)


def case(folder: Path, over: bool, number: int, error: str) -> dict[str, Any]:
    """Let one operation of a run fail, and run again; return what each of the two did."""
    root = begun(folder, over=over)
    first = run(root, number, error)
    harmed = [*harm(root)]
    second = run(root, -1, error)
    return {
        'over': over, 'code': first['code'], 'text': first['text'], 'hit': first['hit'].removeprefix(f'{root}/'),
        'harm': harmed, 'again': second['code'], 'again_text': second['text'], 'again_harm': [*harm(root)],
        'made': artifact(root), 'left': left(root),
    }  # fmt: skip


def possible(what: str, error: str) -> bool:
    """Whether a kernel gives this error for that operation."""
    return what in DENIED if error == 'EACCES' else not (error == 'ENOSPC' and what == 'chmod')


def begun(folder: Path, *, over: bool) -> Path:
    """Return a project that wants A, with nothing built, or with OLD built and delivered."""
    root, old = folder / 'project', folder / 'old'
    shutil.rmtree(root, ignore_errors=True)
    if over and old.exists():
        shutil.copytree(old, root)
    else:
        chain = chain_at(root)
        if over:
            chain.set({'name': 'a', 'text': 'OLD'})
            run(root, -1, 'EIO')
            root.rename(old)
            return begun(folder, over=True)
    Chain(root).set({'name': 'a', 'text': 'A'})
    return root


def run(root: Path, number: int, error: str) -> dict[str, Any]:
    """Run doit in a process of its own; return its exit code, what it said, and what it asked of the disk."""
    said, told = root.parent / 'said', root.parent / 'told'
    told.unlink(missing_ok=True)
    if pid := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        kept = json.loads(told.read_text()) if told.exists() else {'seen': [], 'hit': ''}
        return {'code': code, 'text': said.read_text(), **kept}
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.chdir(root)
    sys.argv = ['doit']
    fs = FaultFS(root, number, error)
    code = 99
    try:
        with failing(fs):
            code = DoitMain().run([])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        told.write_text(json.dumps({'seen': fs.seen, 'hit': fs.hit}))
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()  # as at the end of any run: what is temporary goes
        os._exit(code)


def harm(root: Path) -> Iterator[str]:
    """Say what is only half there: content under a false name, results without their content, parts of an artifact."""
    from stages.digest import file_digest

    store = root / '.modelkiln' / 'store'
    for blob in store.glob('blobs/*/*'):
        if file_digest(blob) != blob.name:
            yield f'{blob.name[:8]} has other content'
    for path in store.glob('results/*/*.json'):
        for name, file in json.loads(path.read_text())['files'].items():
            if not (store / 'blobs' / file['sha256'][:2] / file['sha256']).exists():
                yield f'{name} of a result is not there'
    if (root / 'artifacts/fake/v').exists() and artifact(root) not in ('A', 'OLD'):
        yield 'an artifact is not whole'


def artifact(root: Path) -> str:
    folder = root / 'artifacts/fake/v'
    there = sorted(path.name for path in folder.glob('*'))
    return (folder / 'out.txt').read_text() if there == ['manifest.json', 'out.txt'] else f'{there}'


def left(root: Path) -> list[str]:
    found = [*root.glob('.modelkiln/store/tmp/*'), *root.rglob('*.part')]
    return [path.relative_to(root).as_posix() for path in found]


if __name__ == '__main__':
    main(Path(sys.argv[1]), every=sys.argv[2:] == ['all'])
