"""One digest for one value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.digest import digest_of


@settings(max_examples=40)
@given(
    one=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_a_digest_is_of_the_value_and_not_of_the_order_it_was_put_together_in(one):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert digest_of(turned(one)) == digest_of(one)
    assert digest_of([one]) != digest_of(one)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), {1, 2}, b'bytes', Path('x')], ids=repr)
def test_what_has_no_one_text_has_no_digest(value):
    with pytest.raises((ValueError, TypeError)):
        digest_of(value)
