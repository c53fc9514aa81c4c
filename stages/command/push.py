"""Release a variant: publish its artifact, its manifest, a model card, its provenance and an SBOM under one digest.

  modelkiln push rnet oci://registry.example/models/rnet:stable      the best variant of the recipe
  modelkiln push rnet:ort-int8 s3://models/rnet --tag 1.2 --tag stable --sign release.key
  modelkiln push rnet file:///srv/models/rnet

Only a variant that passed its checks, is built of today's recipe and has a report of today; --force releases others,
and the release says so and why. Tags are moved, digests never change: pushing the same again moves nothing. Without a
tag: latest. Logins to registries are Docker's own: `docker login HOST`. --sign takes a private elliptic-curve key:

  openssl ecparam -name prime256v1 -genkey -noout -out release.key
  openssl ec -in release.key -pubout -out release.pub
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.errors import RecipeError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', metavar='RECIPE[:VARIANT]', help='what to release; without a variant: the best')
    parser.add_argument('place', metavar='DESTINATION', help='oci://host/name[:tag], s3://bucket/name, file:///folder')
    parser.add_argument('--tag', action='append', default=[], help='a tag more; may be given several times')
    parser.add_argument('--sign', type=Path, metavar='KEY', help='sign it with this private key')
    parser.add_argument('--force', action='store_true', help='release what should not be; the release says so')


def run(asked: argparse.Namespace) -> int:
    from stages.deliver.policy import place_of, policy_for
    from stages.deliver.push import push
    from stages.deliver.registry.address import is_tag
    from stages.execute.project import find_root, open_project

    for tag in asked.tag:
        if not is_tag(tag):
            raise RecipeError(f'{tag!r} is no tag; expected letters, digits, `.`, `_`, `-`, at most 128')
    policy = policy_for(Path.cwd())
    place = place_of(policy, asked.place)
    project = open_project(find_root(Path.cwd()))
    done = push(project, asked.name, place, tuple(asked.tag), policy.net, key=asked.sign, force=asked.force)
    for tag, before in done.moved.items():
        print(f'{tag}: {f"sha256:{before}" if before else "new"} -> {done.release.digest}')
    if not done.moved:
        print('nothing moved: it is there already')
    if done.signed:
        print(f'signed with {asked.sign}')
    print(f'{place.repository}@{done.release.digest}')
    return 0
