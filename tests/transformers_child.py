"""Read, run and export models of transformers in the locked environment: ``transformers_child.py ASKED FOLDER``.

ASKED is a JSON file: for each case the folder of files, the task and the inputs as a recipe declares them. FOLDER gets,
by case, ``answer.json``, ``feed.npz``, ``answers.npz`` (of transformers' own forward) and ``exported/model.pt2``.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from stages.contract.job import Job
from stages.contract.port import contract_json, contract_of
from stages.engines import transformers as engine
from stages.errors import ModelkilnError
from stages.frameworks.torch import examples
from stages.kinds import exported_from_transformers as kind
from stages.sources import transformers as source


def quiet(fraction, words):
    pass


def one(case, folder):
    """Go the whole road with one case; what it refuses is told with the class of the refusal."""
    model, out = folder / 'model', folder / 'exported'
    model.mkdir()
    out.mkdir()
    given = Job(
        {'file': Path(case['folder'])}, model, contract_of(case.get('declared', {'inputs': [], 'outputs': []})), quiet
    )
    contract = source.run(source.Params(case.get('task', 'auto')), given)
    yield {'contract': contract_json(contract)}
    feed = examples.arrays(contract, dict.fromkeys(examples.sizes(contract), 5) | {'batch': 3}, 1)
    np.savez(folder / 'feed.npz', **feed)
    np.savez(folder / 'answers.npz', **engine.load(model, contract, engine.Options(), 1).run(feed))
    made = kind.run(kind.Params(), Job({'model': model}, out, contract, quiet))
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
        (place / 'answer.json').write_text(json.dumps(found))


if __name__ == '__main__':
    main(*sys.argv[1:])
