"""The code in a key: what a kind does and what it calls, not how it is explained."""

from __future__ import annotations

import pytest

KIND, OTHER = 'stages.kinds.sample', 'stages.kinds.onnx'
FILE = 'kinds/sample.py'


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ("KIND = 'sample'", "# the word\nKIND  =  'sample'   # that a recipe writes"),
        ('"""Do something to a model."""', '"""Do it better explained."""'),
        ('"""Options of ``sample``."""', '"""What may be asked."""'),
        ('"""How many are read."""', '"""The number of samples."""'),
        ('    # the helper does the work\n', ''),
        ('\n\n\n', '\n\n\n\n\n'),
        ("KIND = 'sample'\n", "KIND = 'sample'\nALL_CORES = True\n"),
    ],
    ids=[
        'comment',
        'docstring',
        'docstring of a class',
        'description of a field',
        'comment gone',
        'empty lines',
        'how many cores it takes',
    ],
)
def test_words_about_the_code_change_nothing(house, old, new):
    before = house.digests(KIND)

    house.edit(FILE, old, new)

    assert house.digests(KIND) == before


@pytest.mark.parametrize(
    ('file', 'old', 'new'),
    [
        (FILE, 'samples: int = 128', 'samples: int = 129'),
        (FILE, 'params.samples', 'params.samples + 0'),
        ('frameworks/sample_file.py', 'HEADER * samples', 'HEADER + samples'),
        ('frameworks/sample_bytes.py', "b'one'", "b'two'"),
    ],
    ids=['a default', 'the kind', 'its helper', "its helper's helper"],
)
def test_what_the_code_does_is_in_the_digest_at_any_depth(house, file, old, new):
    before = house.digests(KIND, OTHER)

    house.edit(file, old, new)

    after = house.digests(KIND, OTHER)
    assert after[KIND] != before[KIND]
    assert after[OTHER] == before[OTHER]


def test_a_helper_that_is_imported_from_now_on_counts(house):
    house.write('frameworks/sample_late.py', 'x = 1\n')
    house.edit(FILE, '    # the helper does the work\n', '    import stages.frameworks.sample_late\n')
    before = house.digests(KIND)

    house.write('frameworks/sample_late.py', 'x = 2\n')

    assert house.digests(KIND) != before


def test_a_new_kind_in_the_table_leaves_the_digests_of_the_others(house):
    before = house.digests(KIND, OTHER)

    house.edit('kinds/__init__.py', 'KINDS: Final', "EXTRA = 'a line more'\nKINDS: Final")

    assert house.digests(KIND, OTHER) == before


def test_the_command_line_the_report_and_the_loader_are_in_no_kinds_digest(house):
    before = house.digests(KIND, OTHER, 'stages.sources.fetch', 'stages.sources.data')

    for name in ('command/main.py', 'report/page.py', 'plan/make.py', 'front/tasks.py', 'deliver/load.py'):
        house.write(name, 'raise SystemExit("changed")\n')

    # front/tasks.py is not needed to take a digest either
    assert house.digests(KIND, OTHER, 'stages.sources.fetch', 'stages.sources.data') == before
