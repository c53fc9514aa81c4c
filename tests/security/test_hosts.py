"""A recipe from a stranger does not make this machine ask itself, or its neighbours."""

from __future__ import annotations

import urllib.request
from email.message import Message
from io import BytesIO
from pathlib import Path

import pytest

from stages.errors import RecipeError, StepError
from stages.recipe.read import read_recipe
from stages.sources import download
from stages.sources.hosts import is_local

LOCAL = [
    '169.254.169.254', 'localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'printer.local',
    'metadata.google.internal',
    '127.0.0.1', '127.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '10.0.0.5', '192.168.1.1', '172.16.0.1',
    '0.0.0.0', '100.64.0.1', '224.0.0.1', '255.255.255.255',
]  # fmt: skip


def recipe(folder: Path, host: str) -> Path:
    (folder / 'recipes').mkdir()
    path = folder / 'recipes/x.yaml'
    fetch = f'{{url: "https://{host}/latest/net.onnx", sha256: "{"0" * 64}"}}'
    path.write_text(f'recipe: 1\nmodel: net\nsource: {{onnx: {fetch}}}\nvariants: {{a: []}}\n')
    return path


@pytest.mark.parametrize('host', [*LOCAL, 'localhost:8443', '10.0.0.5:443'])
def test_an_address_of_this_machine_or_its_network_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(RecipeError, match=r'recipes/x\.yaml:3:\d+: `url` of .* expected a host of the open network'):
        read_recipe(recipe(tmp_path, host), tmp_path)


@pytest.mark.parametrize(
    'host', ['example.org', 'localhost.example.org', '8.8.8.8', '1.1.1.1:8443', '3com.com', 'x.co']
)
def test_a_host_of_the_open_network_is_taken(tmp_path: Path, host: str) -> None:
    read_recipe(recipe(tmp_path, host), tmp_path)

    assert not is_local(f'https://{host}/x')


@pytest.mark.parametrize(
    'url', ['https://[::1]/x', 'https://[fe80::1]/x', 'https://[fd00::1]/x', 'https://127.0.0.1/x']
)
def test_a_redirect_to_one_is_not_followed(url: str) -> None:
    request = urllib.request.Request('https://example.org/x')

    with pytest.raises(StepError, match='which is this machine or its own network'):
        download._HttpsOnly().redirect_request(request, BytesIO(), 302, '', Message(), url)
