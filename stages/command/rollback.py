"""Make current what was current before, in a folder that releases were pulled into. Asks no server.

Every byte of it is verified first, and its signature where a key is given or the policy names keys. What is left behind
stays in the folder until later pulls need its place, and is not gone back to: pull it again by its digest.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, metavar='DIR', help='the folder that was pulled into')
    parser.add_argument('--key', type=Path, action='append', default=[], help='a public key that must have signed it')


def run(asked: argparse.Namespace) -> int:
    from stages.deliver.policy import policy_for
    from stages.deliver.pull import rollback

    policy = policy_for(Path.cwd())
    before, version = rollback(asked.folder, policy, tuple(asked.key))
    print(f'{asked.folder}: sha256:{version.sha256[:12]}… is current again, before it was sha256:{before[:12]}…')
    return 0
