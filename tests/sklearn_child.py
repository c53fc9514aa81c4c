"""Fit, ask and convert models of scikit-learn in the locked environment: ``sklearn_child.py FOLDER``.

FOLDER gets, by the name of each estimator, ``onnx/model.onnx`` and its contract, ``rows.npz`` with what was asked and
what scikit-learn answered, and ``refused.json`` where anything is refused. Every model goes through its .skops file.
"""

import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import skops.io
from sklearn import ensemble, linear_model, neural_network, pipeline, preprocessing, svm, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer

from stages.contract.job import Job
from stages.contract.port import Contract, write_contract
from stages.engines import sklearn as engine
from stages.errors import ModelkilnError
from stages.kinds import onnx_from_sklearn as kind
from stages.sources import sklearn as source

CHAIN = pipeline.make_pipeline
ONE_HOT = preprocessing.OneHotEncoder(handle_unknown='ignore', sparse_output=False)
COLUMNS = ColumnTransformer([('few', ONE_HOT, [3]), ('many', preprocessing.StandardScaler(), [0, 1, 2])])
CLASSIFIERS = {
    'logistic': CHAIN(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
    'columns': CHAIN(COLUMNS, linear_model.LogisticRegression()),
    'imputed': CHAIN(SimpleImputer(), preprocessing.MinMaxScaler(), linear_model.LogisticRegression()),
    'lengths': CHAIN(preprocessing.Normalizer(), linear_model.LogisticRegression()),
    'margins': linear_model.RidgeClassifier(),
    'vectors': svm.LinearSVC(),
    'layers': neural_network.MLPClassifier((8,), max_iter=50, random_state=0),
    'forest': ensemble.RandomForestClassifier(7, max_depth=5, random_state=0),
    'boosted': ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
    'kernel': svm.SVC(),
}
REGRESSORS = {
    'tree': tree.DecisionTreeRegressor(max_depth=6, random_state=0),
    'trees': ensemble.ExtraTreesRegressor(5, random_state=0),
    'histograms': ensemble.HistGradientBoostingRegressor(max_iter=5),
    'ridge': linear_model.Ridge(),
    'layers of numbers': neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=0),
}


def quiet(fraction, words):
    pass


def one(estimator, rows, answers, folder):
    """Go the whole road with one model."""
    for name in ('file', 'model', 'onnx'):
        (folder / name).mkdir(parents=True)
    skops.io.dump(estimator.fit(rows, answers), folder / 'file/model.skops')
    contract = source.run(source.Params(), Job({'file': folder / 'file'}, folder / 'model', Contract(), quiet))
    [wanted] = engine.load(folder / 'model', contract, engine.Options(), 1).run({'features': rows}).values()
    np.savez(folder / 'rows.npz', rows=rows, wanted=wanted)
    made = kind.run(kind.Params(), Job({'model': folder / 'model'}, folder / 'onnx', contract, quiet))
    write_contract(made, folder / 'onnx')


def main(folder):
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((120, 4)).astype(np.float32)
    rows[:, 3] = rng.integers(0, 4, 120)
    classes = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rows[:, 3] > 1).astype(int) + (rows[:, 0] > 1)
    numbers = rows @ [1, 2, 3, 4]
    for name, estimator in {**CLASSIFIERS, **REGRESSORS}.items():
        try:
            one(estimator, rows, numbers if name in REGRESSORS else classes, Path(folder) / name)
        except ModelkilnError as error:
            told = {'error': type(error).__name__, 'message': str(error)}
            (Path(folder) / name / 'refused.json').write_text(json.dumps(told))


if __name__ == '__main__':
    warnings.simplefilter('ignore')  # fifty rounds are enough here
    main(*sys.argv[1:])
