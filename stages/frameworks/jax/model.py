"""The ``jax`` format: the Python that builds a model, and its weights.

model.json            {"format": 1, "file": "models/net.py", "function": "build"}
python/models/…       the file and what it imports from recipes/models
weights.safetensors   the arrays of what ``function`` returns, by path; none where they lie in the code of a function

What ``function`` may return: a callable of arrays; a pair of a callable and its parameters, which it takes first; a
pair of a module of Flax linen and its variables; a module of Flax NNX or Equinox, which is run as for inference.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages.errors import StepError, UnsupportedError
from stages.frameworks.jax import trees
from stages.frameworks.torch.arguments import Argument, of_signature
from stages.frameworks.torch.module import function_in

FORMAT: Final = 1
SEED: Final = 0
WEIGHTS: Final = 'weights.safetensors'


@dataclass(frozen=True)
class Model:
    """What a recipe's Python built, taken apart into what computes and what it computes with."""

    apply: Callable[..., Any]
    """Takes the tree of weights, then what the model takes."""

    tree: Any
    taken: tuple[Argument, ...]
    """What the model takes, without the weights."""

    @property
    def weights(self) -> dict[str, Any]:
        """Its arrays by path."""
        return {path: leaf for path, leaf in trees.leaves(self.tree) if trees.is_array(leaf)}

    def of(self, weights: Mapping[str, Any]) -> Any:
        """Return the tree with arrays in place of its own, by path; what is no array stays."""
        return trees.replaced(self.tree, weights)

    def filled(self, weights: Mapping[str, Any]) -> Model:
        """Return the model with weights in place of its own."""
        return replace(self, tree=self.of(weights))


def built(what: str, make: Callable[[], Any]) -> Model:
    """Return the model that ``make`` builds, which the recipe calls ``what``; a forgotten seed is the same each time.

    Raises StepError where what it returns is no model.
    """
    import numpy as np

    random.seed(SEED)
    np.random.seed(SEED)
    return _model(what, make())


def load(folder: Path) -> Model:
    """Return the model in ``folder``: built, and filled with the weights beside it."""
    about = json.loads((folder / 'model.json').read_text('utf-8'))
    if about.get('format') != FORMAT:
        raise UnsupportedError(
            f'{folder.name}/model.json: format {about.get("format")!r}; this version reads format {FORMAT}'
        )
    what = f'{about["file"]}:{about["function"]}'
    model = built(what, function_in(folder / 'python', about['file'], about['function']))
    from safetensors.flax import load_file

    held = load_file(folder / WEIGHTS)
    if held.keys() != model.weights.keys():
        raise UnsupportedError(f'{what} builds a model of other weights than those beside it')
    return model.filled(held)


def save(folder: Path, python: Path, file: str, function: str, model: Model) -> None:
    """Write a ``jax`` folder; ``python`` holds ``file`` and whatever it imports. Equal input gives equal bytes."""
    import jax.numpy as jnp
    from safetensors.flax import save_file

    skip = shutil.ignore_patterns('__pycache__', '*.pyc')
    shutil.copytree(python, folder / 'python', dirs_exist_ok=True, ignore=skip)
    weights = model.weights
    save_file({name: jnp.asarray(weights[name]) for name in sorted(weights)}, folder / WEIGHTS)
    about = {'format': FORMAT, 'file': file, 'function': function}
    (folder / 'model.json').write_text(json.dumps(about, indent=2, sort_keys=True) + '\n', 'utf-8')


def _model(what: str, made: Any) -> Model:
    from flax import linen, nnx

    if isinstance(made, nnx.Module):
        return _of_nnx(made)
    if isinstance(made, (tuple, list)) and len(made) == 2:
        first, tree = made
        if isinstance(first, linen.Module):
            return Model(first.apply, tree, of_signature(first.__call__))
        if callable(first):
            return Model(first, tree, of_signature(first)[1:])
    if isinstance(made, linen.Module):
        raise StepError(
            f'{what} returned the module {type(made).__name__} of Flax linen alone, which has no weights\n'
            'what to try: return it with its variables: return module, module.init(jax.random.key(0), example)'
        )
    if callable(made):
        return _of_callable(made)
    raise StepError(
        f'{what} returned {type(made).__name__}; expected a function of arrays, a function and its parameters, '
        'a linen module and its variables, or a module of Flax NNX'
    )


def _of_nnx(module: Any) -> Model:
    import jax
    from flax import nnx

    module.eval()  # dropout does nothing, batch normalisation uses what it learnt
    definition, seeds, state = nnx.split(module, nnx.RngState, ...)
    structure = jax.tree_util.tree_structure(state)

    def apply(tree: Any, *placed: Any, **named: Any) -> Any:
        held = jax.tree_util.tree_unflatten(structure, jax.tree_util.tree_leaves(tree))
        return nnx.merge(definition, seeds, held)(*placed, **named)

    return Model(apply, nnx.to_pure_dict(state), of_signature(module.__call__))


def _of_callable(made: Any) -> Model:
    """Return a callable as a model: one that is a tree of arrays itself, as modules of Equinox are, by these."""
    import equinox

    if isinstance(made, equinox.Module):
        made = equinox.nn.inference_mode(made)
    called = made if not isinstance(made, equinox.Module) else made.__call__
    return Model(lambda tree, *placed, **named: tree(*placed, **named), made, of_signature(called))
