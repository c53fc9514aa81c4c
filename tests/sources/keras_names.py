"""Write the table of what a Keras file may name, from Keras itself: ``python tests/sources/keras_names.py``.

Everything of Keras's own is in it but what runs code from elsewhere or reads files, each for the reason beside it.
"""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[2] / 'stages/frameworks/tensorflow/keras_names.py'

PUBLIC = (
    'keras', 'keras.layers', 'keras.initializers', 'keras.regularizers', 'keras.constraints', 'keras.quantizers',
    'keras.dtype_policies', 'keras.random', 'keras.losses', 'keras.metrics', 'keras.optimizers',
    'keras.optimizers.schedules', 'keras.models',
)  # fmt: skip

EXCLUDED = {
    'Lambda': 'Python in the file',
    'TorchModuleWrapper': 'a pickle',
    'JaxLayer': 'a function',
    'FlaxLayer': 'a module of another library',
    'TFSMLayer': 'reads a SavedModel from a path',
    'MeanMetricWrapper': 'a function',
    'Function': 'a graph of its own',
    'Operation': 'nothing by itself',
    'KerasTensor': 'no part of a configuration',
    'StatelessScope': 'no part of a configuration',
    'SymbolicScope': 'no part of a configuration',
    'Variable': 'no part of a configuration',
    'InputSpec': 'no part of a configuration',
    'JVP': 'a function',
    'Cond': 'functions', 'Switch': 'functions', 'Map': 'a function', 'VectorizedMap': 'a function',
    'Scan': 'a function', 'AssociativeScan': 'a function', 'ForiLoop': 'a function', 'WhileLoop': 'functions',
}  # fmt: skip

HEAD = '''"""What a Keras file may name, by the module it names it in.

Made from Keras {version} by tests/sources/keras_names.py; a test compares it with the Keras that is installed.
"""

from __future__ import annotations

from typing import Final

'''


def table() -> str:
    """Return the text of the table: a paragraph for each module, its name first."""
    os.environ.setdefault('KERAS_BACKEND', 'tensorflow')
    import keras

    paragraphs = [f'{module}:\n{_wrapped(names)}' for module, names in sorted(_classes().items())]
    return (
        HEAD.format(version=keras.__version__)
        + '_CLASSES = """\n' + '\n'.join(paragraphs) + '"""\n\n'
        + '_FUNCTIONS = """\n' + _wrapped(_functions()) + '"""\n\n'
        + 'CLASSES: Final = {\n    module: frozenset(names.split())\n'
        + "    for module, names in (paragraph.strip().split(':') for paragraph in _CLASSES.split('\\n\\n'))\n}\n\n"
        + 'FUNCTIONS: Final = frozenset(_FUNCTIONS.split())\n'
        + '"""Activations: the only functions that a configuration names as such."""\n'
    )  # fmt: skip


def _classes() -> dict[str, set[str]]:
    import keras
    from keras.src.saving.keras_saveable import KerasSaveable

    found: dict[str, set[str]] = {}
    for module in PUBLIC:
        held: Any = keras
        for part in module.split('.')[1:]:
            held = getattr(held, part)
        for name, cls in vars(held).items():
            if inspect.isclass(cls) and cls.__name__ not in EXCLUDED and hasattr(cls, 'from_config'):
                found.setdefault(module, set()).add(name)
    public = {name for names in found.values() for name in names}
    for cls in _below(KerasSaveable):
        operation = cls.__module__.startswith(('keras.src.ops.', 'keras.src.activations.'))  # written by these names
        model = cls.__module__.startswith('keras.src.models.') and cls.__name__ not in public
        if (operation or model) and cls.__name__ not in EXCLUDED:
            found.setdefault(cls.__module__, set()).add(cls.__name__)
    return found


def _below(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _below(sub)


def _functions() -> set[str]:
    import keras

    other = {'get', 'serialize', 'deserialize'}
    return {n for n, f in vars(keras.activations).items() if inspect.isfunction(f) and n not in other}


def _wrapped(names: set[str]) -> str:
    return textwrap.fill(' '.join(sorted(names)), 118) + '\n'


if __name__ == '__main__':
    TABLE.write_text(table(), 'utf-8')
