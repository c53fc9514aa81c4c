"""Convert boosted trees (XGBoost, LightGBM) to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('xgboost', 'lightgbm')
GIVES = 'onnx'
TOOLS = ('onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``, from trees."""

    trees: Literal['operator', 'plain'] = 'operator'
    """operator: TreeEnsembleRegressor, which ONNX Runtime is fast at and OpenVINO and TVM lack; plain: operators that
    all have."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic takes any number of rows; static takes one."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx``; no library of the trees' own is asked."""
    from stages.frameworks.onnx.build import leave
    from stages.frameworks.trees import lightgbm, xgboost
    from stages.frameworks.trees.to_onnx import to_onnx

    folder = job.inputs['model']
    text = folder / 'model.txt'
    forest = lightgbm.read(text) if text.exists() else xgboost.read(next(folder.glob('model.*')))
    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    rows = contract.inputs[0].shape[0]
    return leave(to_onnx(forest, params.trees, rows), contract, job.output / 'model.onnx')
