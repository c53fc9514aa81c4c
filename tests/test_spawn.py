"""What a child sees of its surroundings."""

from __future__ import annotations

from pathlib import Path

from stages import spawn


def test_where_pip_keeps_what_it_fetched_is_read_from_its_settings(monkeypatch, tmp_path):
    monkeypatch.delenv('PIP_CACHE_DIR', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert spawn.pip_cache() == (str(tmp_path / '.cache' / 'pip'),)

    monkeypatch.setenv('PIP_CACHE_DIR', str(tmp_path / 'elsewhere'))
    assert spawn.pip_cache() == (str(tmp_path / 'elsewhere'),)
    assert spawn.network_environment()['PIP_CACHE_DIR'] == str(tmp_path / 'elsewhere')


def test_a_user_without_a_name_and_a_home_fetches_all_the_same(monkeypatch):
    def unknown() -> Path:
        raise RuntimeError('Could not determine home directory.')

    monkeypatch.delenv('PIP_CACHE_DIR', raising=False)
    monkeypatch.setattr(Path, 'home', unknown)

    assert spawn.pip_cache() == ()
    assert 'HOME' not in spawn.network_environment()


def test_no_token_of_the_user_reaches_a_child(monkeypatch, tmp_path):
    monkeypatch.setenv('HF_TOKEN', 'secret')

    assert 'secret' not in {**spawn.environment(tmp_path), **spawn.network_environment()}.values()


def test_how_a_process_ended_is_told():
    assert [spawn.in_words(code) for code in (0, 3, -9)] == [
        None, 'ended with exit code 3', 'was killed by signal 9 (SIGKILL)',
    ]  # fmt: skip
