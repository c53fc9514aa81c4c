"""Made the files beside it: three models of the wine data that scikit-learn carries, and the rows kept from training.

scikit-learn 1.9.1, xgboost 3.2.0, lightgbm 4.7.0, skops 0.16.0, numpy 2.4.6.
"""

from pathlib import Path

import lightgbm
import numpy as np
import skops.io
import xgboost
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
rows, kinds = load_wine(return_X_y=True)
rows, held, kinds, answers = train_test_split(rows.astype('f4'), kinds, test_size=0.5, random_state=3, stratify=kinds)

boosted = xgboost.train(
    {'objective': 'multi:softprob', 'num_class': 3, 'max_depth': 3, 'seed': 1}, xgboost.DMatrix(rows, kinds), 12
)
boosted.save_model(HERE / 'wine.ubj')
light = lightgbm.train(
    {'objective': 'multiclass', 'num_class': 3, 'num_leaves': 6, 'verbosity': -1, 'seed': 1, 'deterministic': True},
    lightgbm.Dataset(rows, kinds), 12,
)  # fmt: skip
light.save_model(HERE / 'wine.txt')
skops.io.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, kinds), HERE / 'wine.skops')
np.savez_compressed(HERE / 'wine.npz', features=held, labels=answers.astype('i8'))
