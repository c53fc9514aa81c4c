"""Where a release comes from, in words that others read."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from stages.deliver.provenance import uri_of
from stages.recipe.model import Fetch


@pytest.mark.parametrize(
    ('fetch', 'uri'),
    [
        (Fetch('pip', 'A_b==1.2', 'a/model.onnx', ''), 'pkg:pypi/a-b@1.2#a/model.onnx'),
        (Fetch('pip', 'scikit-image==0.26.0', 'data/*.[jp][pn]g', ''),
         'pkg:pypi/scikit-image@0.26.0#data/%2A.%5Bjp%5D%5Bpn%5Dg'),
        (Fetch('path', 'files/größe 1.npz', '', ''), 'recipes/files/gr%C3%B6%C3%9Fe%201.npz'),
        (Fetch('https', 'https://a.io/x[1].bin?v=2&w=%20', '', ''), 'https://a.io/x%5B1%5D.bin?v=2&w=%20'),
        (Fetch('hf', 'a/b@0123', 'm.onnx', ''), 'pkg:huggingface/a/b@0123#m.onnx'),
    ],
)  # fmt: skip
def test_a_file_from_outside_is_a_uri_whatever_its_name_holds(fetch, uri):
    assert uri_of(fetch) == uri
    assert (fetch.file or fetch.name.rpartition('/')[2]) in unquote(uri).replace('w= ', 'w=%20')
