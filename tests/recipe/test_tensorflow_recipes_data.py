"""Data and metrics of basic-pitch, blazeface and fer: the perfect scores 1, the wrong less; no sample is shared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')
RECIPES = Path(__file__).parents[2] / 'recipes'


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a file of recipes/models/ as a worker does."""
    from stages.sources.python import load_function

    monkeypatch.setattr(sys, 'path', [str(RECIPES), *sys.path])
    return lambda file, function: load_function(RECIPES, f'models/{file}.py', function)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Noise in the shape of lfw_subset: every crop its own."""
    np.save(tmp_path / 'lfw_subset.npy', np.random.default_rng(0).random((200, 25, 25)))
    return tmp_path


def heard(truth: Any) -> dict[str, Any]:
    """Return what a perfect listener answers."""
    note, onset = np.zeros((len(truth), 172, 88)), np.zeros((len(truth), 172, 88))
    for one, row in enumerate(truth):
        for key, first, last in row:
            note[one, first:last, key] = 1
            onset[one, first, key] = 1
    return {'note': note, 'onset': onset}


def test_a_perfect_listener_finds_all_notes_and_others_fewer(models):
    found, data = models('basic_pitch_data', 'notes_found'), models('basic_pitch_data', 'evaluate')()
    perfect = heard(data['truth'])

    assert found(perfect, data).tolist() == [1.0] * 16
    assert found({name: array * 0 for name, array in perfect.items()}, data).max() == 0
    assert found({name: np.roll(array, 1, 2) for name, array in perfect.items()}, data).max() < 0.5
    assert found({name: array + 1 for name, array in perfect.items()}, data).max() < 0.2
    assert found(perfect | {'onset': perfect['onset'] * 0}, data).max() == 0


def test_the_same_melodies_come_each_time_and_none_calibrates(models):
    evaluate, calibrate = models('basic_pitch_data', 'evaluate'), models('basic_pitch_data', 'calibrate')

    one, two = evaluate(), evaluate()
    assert all((one[name] == two[name]).all() for name in one)
    assert not {a.tobytes() for a in one['audio']} & {a.tobytes() for a in calibrate()['audio']}
    assert one['audio'].dtype == 'float32' and np.abs(one['audio']).max() < 1


CROPS = [('blazeface_data', 'image', (40, 160)), ('fer_data', 'face', (25, 75))]


@pytest.mark.parametrize(('file', 'name', 'counts'), CROPS)
def test_no_crop_both_calibrates_and_evaluates(models, crops, file, name, counts):
    calibrate, evaluate = (models(file, role)(crops)[name] for role in ('calibrate', 'evaluate'))

    assert (len(calibrate), len(evaluate)) == counts
    assert not {a.tobytes() for a in calibrate} & {a.tobytes() for a in evaluate}
    assert evaluate.min() >= -1 and evaluate.max() <= 1


def test_auc_is_1_when_every_face_scores_higher_and_half_by_chance(models, crops):
    auc, data = models('blazeface_data', 'auc'), models('blazeface_data', 'evaluate')(crops)
    scores = np.zeros((160, 896, 1))
    scores[:, 7, 0] = data['truth']

    assert auc({'classificators': scores}, data) == 1
    assert auc({'classificators': -scores}, data) == 0.5  # the best of other anchors is 0 for all
    assert auc({'classificators': scores * 0}, data) == 0.5
