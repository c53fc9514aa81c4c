"""Take models in, run and convert them, in a locked environment: ``locked_child.py ASKED FOLDER FORMAT KIND``.

ASKED is a JSON file: for each case the folders of what was fetched, the source's and the kind's parameters, the ports
as a recipe declares them, sizes. FOLDER gets, by case, ``answer.json``, what the source leaves in ``model``, a
``feed.npz``, the ``answers.npz`` of the format's own engine, and what the kind leaves in ``made``.
"""

import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from stages.contract.job import Job
from stages.contract.port import contract_json, contract_of
from stages.errors import ModelkilnError
from stages.frameworks.torch import examples

engine, source = (importlib.import_module(f'stages.{room}.{sys.argv[3]}') for room in ('engines', 'sources'))
kind = importlib.import_module(f'stages.kinds.{sys.argv[4]}')


def quiet(fraction, words):
    pass


def one(case, folder):
    """Go the whole road with one case; what it refuses is told with the class of the refusal."""
    model, out = folder / 'model', folder / 'made'
    model.mkdir()
    out.mkdir()
    inputs = {role: Path(path) for role, path in case['inputs'].items()}
    declared = contract_of(case.get('declared', {'inputs': [], 'outputs': []}))
    contract = source.run(source.Params(**case.get('source', {})), Job(inputs, model, declared, quiet))
    yield {'contract': contract_json(contract)}
    sizes = {name: case.get('sizes', {}).get(name, 3) for name in examples.sizes(contract)}
    feed = examples.arrays(contract, sizes, 1)
    np.savez(folder / 'feed.npz', **feed)
    np.savez(folder / 'answers.npz', **engine.load(model, contract, engine.Options(), 1).run(feed))
    made = kind.run(kind.Params(**case.get('params', {})), Job({'model': model}, out, contract, quiet))
    yield {'made': contract_json(made)}


def main(asked, folder):
    for name, case in json.loads(Path(asked).read_text()).items():
        place = Path(folder) / name
        place.mkdir()
        found = {}
        try:
            for part in one(case, place):
                found.update(part)
        except ModelkilnError as error:
            found.update(error=type(error).__name__, message=str(error))
        except Exception as error:
            found.update(error=type(error).__name__, message=repr(error))
        found['left'] = sorted(path.name for path in (place / 'made').iterdir()) if (place / 'made').is_dir() else []
        (place / 'answer.json').write_text(json.dumps(found))


if __name__ == '__main__':
    main(*sys.argv[1:3])
