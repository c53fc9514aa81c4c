"""What a run prints of models, recipes and frameworks neither moves a terminal nor looks like a line of ours."""

from __future__ import annotations

from tests.faults.conftest import chain as chain

EVIL = 'domain \x1b[31mevil\x1b]0;pwned\x07\r\x08\n  log:    /etc/passwd\n  repeat: rm -rf /\x9b2J\u202e'


def test_a_failure_cannot_colour_a_terminal_or_forge_a_line(chain):
    chain.set({'name': 'a', 'does': 'say', 'text': EVIL})

    code, text = chain.doit()

    assert code != 0
    assert not {'\x1b', '\x07', '\x08', '\x9b', '\u202e', '\r'} & set(text)
    logs = [line for line in text.splitlines() if line.startswith('  log:')]
    assert logs and all(line.endswith('.log') for line in logs)
    assert not [line for line in text.splitlines() if line.startswith('  repeat: rm')]
    assert '\x1b' not in next(chain.state.glob('logs/*.log')).read_text()


def test_a_wrong_recipe_cannot_either(tmp_path):
    from tests.small import small_project

    project = small_project(tmp_path)
    project.edit('model: tiny', 'model: "ti\\e[31mny\\u202e"')

    ran = project.doit()

    assert ran.code == 2
    assert 'model' in ran.text
    assert not {'\x1b', '\u202e'} & set(ran.text)
