"""Pull a release into a folder: complete, verified, fit for this CPU, or what was current there stays.

  modelkiln pull oci://registry.example/models/rnet:stable --to /srv/rnet
  modelkiln pull rnet@sha256:… --to /srv/rnet        from the first of the policy's registries
  modelkiln pull rnet --from s3://models --to /srv/rnet --key release.pub

DIR/current then names the new version; DIR/versions keeps the last ones (`keep` of the policy: 3), and `modelkiln
rollback DIR` goes back, offline. Size and sha256 of every byte are checked always; the signature where a key is given
or the policy names keys. A pull that was stopped goes on where it was. Logins are Docker's own: `docker login HOST`.

  --lock     write the digest that was pulled into modelkiln.lock, beside the policy
  --locked   pull exactly what modelkiln.lock says, and nothing that it does not name
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', help='NAME, NAME:TAG, NAME@sha256:… or a whole place; without a tag: latest')
    parser.add_argument('--from', dest='source', default='', metavar='PLACE', help='the registry that NAME is in')
    parser.add_argument('--to', type=Path, required=True, metavar='DIR', help='the folder to pull into')
    parser.add_argument('--key', type=Path, action='append', default=[], help='a public key that must have signed it')
    pins = parser.add_mutually_exclusive_group()
    pins.add_argument('--lock', action='store_true', help='pin the digest that was pulled')
    pins.add_argument('--locked', action='store_true', help='pull what is pinned, nothing else')
    parser.add_argument('--any-cpu', action='store_true', help='also take what this CPU cannot run')


def run(asked: argparse.Namespace) -> int:
    from stages.deliver.policy import place_of, policy_for
    from stages.deliver.pull import pull, told
    from stages.deliver.pulled import Pulled
    from stages.deliver.wanted import Wanted

    policy = policy_for(Path.cwd())
    place = place_of(policy, asked.name, asked.source)
    pinned = ''
    if asked.lock or asked.locked:
        from stages.deliver import pins

        lock = pins.path_for(policy, Path.cwd())
        pinned = pins.pinned(lock, place) if asked.locked else ''
    wanted = Wanted(place, asked.to, policy, tuple(asked.key), pinned, anywhere=asked.any_cpu)
    before = Pulled(asked.to.absolute()).current
    version = pull(wanted)
    if asked.lock:
        pins.pin(lock, replace(place, sha256=''), version.sha256)
    print(told(version, before, asked.to))
    return 0
