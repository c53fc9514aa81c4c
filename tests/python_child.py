"""Read, run and convert models that Python builds, in a locked environment: ``python_child.py ASKED FOLDER FORMAT``.

ASKED is a JSON file: for each case the function, the inputs and outputs as a recipe declares them, the kind's
parameters, files of weights. FOLDER gets, by case, ``answer.json``, ``feed.npz``, ``answers.npz`` and ``model.onnx``.
"""

import importlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from stages.contract.job import Job  # noqa: E402
from stages.contract.port import contract_json, contract_of  # noqa: E402
from stages.errors import ModelkilnError  # noqa: E402
from stages.frameworks.torch import examples  # noqa: E402

engine, kind, source = (
    importlib.import_module(f'stages.{place}{sys.argv[3]}') for place in ('engines.', 'kinds.onnx_from_', 'sources.')
)


def quiet(fraction, words):
    pass


def one(case, folder):
    """Go the whole road with one case; what it refuses is told with the class of the refusal."""
    python, model, out = folder / 'in', folder / 'model', folder / 'onnx'
    (python / 'models').mkdir(parents=True)
    model.mkdir()
    out.mkdir()
    shutil.copyfile(case['file'], python / 'models/nets.py')
    (python / 'models/lacking.py').write_text('import haiku\n')
    inputs = {'python': python} | ({'weights': Path(case['weights'])} if 'weights' in case else {})
    params = source.Params(case.get('at', 'models/nets.py'), case['function'], **case.get('pick', {}))
    contract = source.run(params, Job(inputs, model, contract_of(case['declared']), quiet))
    yield {'contract': contract_json(contract)}
    sizes = dict.fromkeys(examples.sizes(contract), 3) | case.get('sizes', {})
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
                found |= part
        except ModelkilnError as error:
            found |= {'error': type(error).__name__, 'message': str(error)}
        except Exception as error:
            found |= {'error': type(error).__name__, 'message': repr(error)}
        found['left'] = sorted(path.name for path in (place / 'onnx').iterdir()) if (place / 'onnx').is_dir() else []
        (place / 'answer.json').write_text(json.dumps(found))


if __name__ == '__main__':
    main(*sys.argv[1:3])
