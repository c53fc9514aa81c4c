"""Names become folders beside files of ours: what a run writes there itself is nobody's name."""

from __future__ import annotations

import pytest

from stages.recipe.names import wrong_variant


@pytest.mark.parametrize(
    'name',
    [
        'best',
        'Best',
        'best.v2',
        'samples.json',
        'report',
        'report.md',
        'REPORT.HTML',
        'manifest.json',
        'measure',
        'tools',
    ],
)
def test_a_variant_cannot_take_a_name_of_ours(name):
    assert 'uses this name itself' in wrong_variant(name)


@pytest.mark.parametrize('name', ['bestest', 'best-int8', 'samples2', 'onnx.v2', 'my.report'])
def test_a_name_that_only_looks_like_ours_is_free(name):
    assert wrong_variant(name) == ''
