"""Every command that a page names exists, with the options that it is given; those that only look are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stages.command.main import main
from tests.docs.commands import Named, commands, wrong
from tests.small import small_project

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md'), ROOT / 'recipes/README.md'])
KNOWN = ('bash', 'zsh', 'fish')
PLAIN = re.compile('--json|--long|--bytes')
CHEAP = ('list', 'check', 'plan', 'kinds', 'schema', 'doctor', 'du', 'completion', 'conversions')


def named(page: Path) -> list[Named]:
    return [*commands(page.read_text('utf-8'))] if page.name != 'CHANGELOG.md' else []  # it tells of older ones, too


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_could_be_typed(page):
    said = {one.line: words for one in named(page) if (words := wrong(one))}

    assert said == {}


def test_what_only_looks_is_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(small_project(tmp_path).root)
    lines = {one.line for page in PAGES for one in named(page)}
    looks = [words[1:] for line in sorted(lines) if (words := line.split())[1:2] and words[1] in CHEAP]
    cheap = [words for words in looks if all(word in KNOWN or PLAIN.fullmatch(word) for word in words[1:])]

    assert len(cheap) > 7
    assert [words for words in cheap if main(words) not in (0, 3)] == []


@pytest.mark.parametrize(
    ('page', 'said'),
    [
        ('```sh\nmodelkiln chek\n```\n', 'there is no command chek'),
        ('```console\n$ modelkiln list && modelkiln gc --kep 3GiB\n```\n', 'unrecognized arguments: --kep 3GiB'),
        ('`modelkiln gc --keep many`', 'many is no size'),
        ('`doit --nothing`', 'option --nothing not recognized'),
        ('```sh\nmodelkiln why\n```\n', 'the following arguments are required'),
    ],
)
def test_a_command_that_could_not_be_typed_is_found(page, said):
    assert [said in wrong(one) for one in commands(page)].count(True) == 1


def test_a_mention_is_no_whole_line_and_a_word_may_stand_for_another():
    page = '`modelkiln why`, `modelkiln kinds [KIND]`, `modelkiln completion SHELL`, `doit -n 2 NAME:VARIANT`, `model`'

    assert [(one.line.split()[1], wrong(one)) for one in commands(page)] == [
        ('why', ''), ('kinds', ''), ('completion', ''), ('-n', ''),
    ]  # fmt: skip
