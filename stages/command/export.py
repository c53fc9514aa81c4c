"""Write an artifact or a release as a server reads it, configured from its contract.

  modelkiln export /srv/rnet --layout triton --to repository
  modelkiln export artifacts/rnet --layout openvino-model-server --to models --version 2
  modelkiln export /srv/rnet --layout kserve --to rnet --uri oci://registry.example/served/rnet:1.0
  modelkiln export /srv/rnet --layout mlflow --to model

Names, types and shapes are those of the contract, threads those that were measured. What is there already stays: a
second version goes beside the first, and a file that would become another one stops the export before it writes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

NAMES = ('triton', 'openvino-model-server', 'kserve', 'mlflow')


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, metavar='RELEASE', help='an artifact, or a folder that was pulled into')
    parser.add_argument('--layout', required=True, choices=NAMES)
    parser.add_argument('--to', type=Path, required=True, metavar='DIR', help='the folder to write')
    parser.add_argument('--version', type=_whole, default=1, help="the server's version folder; default: 1")
    parser.add_argument(
        '--max-batch', type=_whole, default=0, help='samples that Triton may put together; default: none'
    )
    parser.add_argument('--uri', default='', help='of kserve: where the cluster finds it')


def run(asked: argparse.Namespace) -> int:
    from stages.deliver.export.layouts import export

    notes = export(
        asked.folder, asked.layout, asked.to.absolute(),
        version=asked.version, max_batch=asked.max_batch, uri=asked.uri,
    )  # fmt: skip
    print(f'{asked.to}: written for {asked.layout}')
    for note in notes:
        print(f'  {note}')
    return 0


def _whole(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f'{text} is no whole number above 0')
    return int(text)
