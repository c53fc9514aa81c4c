"""A step repeated by hand ends as it would in a build: within its limit, and without a traceback of ours."""

from __future__ import annotations

import pytest

from stages.command.main import main
from tests.small import MODEL, RECIPE, small_project

SAYS = 'def build():\n    import time\n    print("begun \\x1b]0;pwned\\x07")\n    {then}\n'


def repeat(tmp_path, monkeypatch, capfd, then: str, recipe: str = RECIPE) -> tuple[int, str]:
    for name in ('torch', 'onnx', 'onnxruntime', 'onnxscript'):
        pytest.importorskip(name, reason='needs modelkiln[torch,onnx]: pip install "modelkiln[all]"')
    model = MODEL.partition('def build')[0] + SAYS.format(then=then)
    monkeypatch.chdir(small_project(tmp_path, recipe, model).root)
    code = main(['repeat', 'torch-source'])
    said = capfd.readouterr()
    return code, said.out + said.err


def test_over_its_limit_it_is_stopped_and_that_is_said(tmp_path, monkeypatch, capfd):
    code, text = repeat(tmp_path, monkeypatch, capfd, 'time.sleep(60)', RECIPE + 'timeout: 10 s\n')

    assert code == 4
    assert 'Traceback' not in text
    assert 'longer than its limit of 10 s' in text
    assert 'everything it saw is in' in text


def test_what_it_says_is_shown_and_obeyed_by_no_terminal(tmp_path, monkeypatch, capfd):
    code, text = repeat(tmp_path, monkeypatch, capfd, 'raise RuntimeError("at the \\x1b[31mend")')

    assert code == 4
    assert 'begun ' in text
    assert 'RuntimeError: at the end' in text
    assert not {'\x1b', '\x07'} & set(text)
