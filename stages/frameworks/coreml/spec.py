"""A Core ML model as a message: read by Apple's coremltools, whatever kind of model it holds."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError

MODEL: Final = Path('Data/com.apple.CoreML/model.mlmodel')
WEIGHTS: Final = Path('Data/com.apple.CoreML/weights/weight.bin')
LARGEST: Final = 1 << 31

PROGRAM: Final = 'mlProgram'
NETWORKS: Final = ('neuralNetwork', 'neuralNetworkClassifier', 'neuralNetworkRegressor')


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what coremltools says as it is imported anywhere but on a Mac."""
    logging.getLogger('coremltools').setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


def read(folder: Path) -> Any:
    """Return the message of the package at ``folder``.

    Raises IntegrityError for what is none, UnsupportedError for a kind of model that is not read.
    """
    path = folder / MODEL
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise IntegrityError(f'{folder.name}: has no {MODEL}, or one that is too large')
    with quiet():
        from coremltools.proto import Model_pb2

        spec = Model_pb2.Model()
        try:
            spec.ParseFromString(path.read_bytes())
        except Exception as error:  # Protobuf has several
            raise IntegrityError(f'{path.name}: damaged, or no model of Core ML: {str(error)[:200]}') from error
    kind = spec.WhichOneof('Type')
    if kind not in (PROGRAM, *NETWORKS):
        raise UnsupportedError(
            f'{path.name}: is a {kind or "file of nothing"}; ML programs and neural networks are read\n'
            'what to try: the network inside it alone, or trees and linear models from the library that trained them'
        )
    return spec
