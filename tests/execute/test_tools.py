"""Versions of tools, which keys hold, are read off folder names."""

from __future__ import annotations

import pytest

from stages.execute import tools


@pytest.mark.parametrize('folder', ['Big_Tool-1.2.3.dist-info', 'big.tool-1.2.3.dist-info', 'big_tool-1.2.3.egg-info'])
def test_a_version_is_found_however_the_folder_is_spelt(tmp_path, folder):
    (tmp_path / folder).mkdir()

    assert tools.versions(['big-tool', 'other'], tools.installed([str(tmp_path)])) == {
        'big-tool': '1.2.3',
        'other': 'missing',
    }


def test_the_first_folder_on_the_path_wins_as_it_does_for_imports(tmp_path):
    for place, version in (('one', '1.0'), ('two', '2.0')):
        (tmp_path / place / f'tool-{version}.dist-info').mkdir(parents=True)

    assert tools.installed([str(tmp_path / 'one'), str(tmp_path / 'two')])['tool'] == '1.0'
    assert tools.installed([str(tmp_path / 'gone'), str(tmp_path / 'two')])['tool'] == '2.0'


def test_versions_are_those_that_the_packages_themselves_say(monkeypatch):
    from importlib.metadata import version

    assert tools.versions(['pytest', 'numpy'], tools.installed()) == {
        'pytest': version('pytest'),
        'numpy': version('numpy'),
    }


def test_what_installs_a_program_of_the_system_stands_before_what_pip_installs():
    assert tools.remedy(['g++']) == 'apt-get install g++'
    assert tools.remedy(['no-such-package', 'g++']) == 'apt-get install g++ && pip install no-such-package'


def test_a_library_of_the_system_that_a_package_lacks_is_named_with_the_command_that_brings_it():
    said = 'ImportError: libgomp.so.1: cannot open shared object file: No such file or directory'

    assert tools.library(said).endswith(
        'lacks libgomp.so.1, which a package is linked with; run: apt-get install libgomp1'
    )
    assert 'libfoo.so.2, ' in tools.library('OSError: libfoo.so.2: cannot open shared object file')
    assert tools.library('ImportError: no module named gomp') == ''
