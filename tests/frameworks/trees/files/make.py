"""Made the files beside it, with LightGBM 4.7.0 and NumPy 2.4.6: small models, and what LightGBM itself predicts."""

from pathlib import Path

import lightgbm
import numpy as np

HERE = Path(__file__).parent
RNG = np.random.default_rng(20)
ROWS, ASKED = (RNG.standard_normal((count, 5)) for count in (300, 24))
for rows in (ROWS, ASKED):
    rows[RNG.random(rows.shape) < 0.15] = np.nan
    rows[RNG.random(rows.shape) < 0.15] = 0
ROWS, ASKED = (rows.astype('f4') for rows in (ROWS, ASKED))
NUMBER = np.nan_to_num(ROWS[:, 0] * 2 + ROWS[:, 1] ** 2) + 3
KIND = (NUMBER > 3).astype(int) + (NUMBER > 5)
MODELS = {
    'number': (NUMBER, {'objective': 'regression'}),
    'root': (NUMBER, {'objective': 'regression', 'reg_sqrt': True}),
    'count': (np.abs(NUMBER), {'objective': 'poisson'}),
    'yes': (KIND > 0, {'objective': 'binary', 'sigmoid': 0.7}),
    'kind': (KIND, {'objective': 'multiclass', 'num_class': 3}),
    'each': (KIND, {'objective': 'multiclassova', 'num_class': 3}),
    'zero': (NUMBER, {'objective': 'regression', 'zero_as_missing': True}),
    'unmissed': (NUMBER, {'objective': 'regression', 'use_missing': False}),
    'averaged': (NUMBER, {'objective': 'regression', 'boosting': 'rf', 'bagging_freq': 1, 'bagging_fraction': 0.5}),
}

PLACE = RNG.integers(0, 70, 300)
CHOSEN = np.where(np.isin(PLACE, [0, 1, 5, 33, 40, 66]), 3, 0) + (PLACE % 7)
ROWS_CHOSEN, ASKED_CHOSEN = ROWS.copy(), ASKED.copy()
ROWS_CHOSEN[:, 1] = PLACE
# categories, their fractions, and what is none: below, above, not a number
ASKED_CHOSEN[:, 1] = [
    0, 1, 5, 33, 40, 66, 5.5, 33.9, -0.5, -1, -1.5, -3, 70, 95, 96, 1e6, 2**24, 3e9, np.inf, -np.inf, np.nan, 64, 63, 69
]  # fmt: skip

asked = {'rows': ASKED, 'rows_chosen': ASKED_CHOSEN}
for name, (wanted, params) in MODELS.items():
    params = {'verbosity': -1, 'num_leaves': 5, 'min_data_in_leaf': 10, 'seed': 1, **params}
    model = lightgbm.train(params, lightgbm.Dataset(ROWS, wanted, params=params), 3)
    text = model.model_to_string()
    (HERE / f'{name}.txt').write_text(text[: text.index('end of trees')] + 'end of trees\n')
    asked[name] = model.predict(ASKED).astype('f4')
params = {'objective': 'regression', 'verbosity': -1, 'num_leaves': 9, 'min_data_in_leaf': 5, 'min_data_per_group': 2}
params |= {'cat_smooth': 1, 'seed': 1}
model = lightgbm.train(params, lightgbm.Dataset(ROWS_CHOSEN, CHOSEN, categorical_feature=[1], params=params), 3)
text = model.model_to_string()
(HERE / 'chosen.txt').write_text(text[: text.index('end of trees')] + 'end of trees\n')
asked['chosen'] = model.predict(ASKED_CHOSEN).astype('f4')
np.savez_compressed(HERE / 'predicted.npz', **asked)
