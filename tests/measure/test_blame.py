"""The node that is wrong is found by values alone: whatever a tool renamed, fused or laid out anew."""

from __future__ import annotations

import numpy as np

from stages.contract.tap import Node, Tapped
from stages.measure.blame import blamed
from stages.measure.costs import costs

RNG = np.random.default_rng(5)
X, A, B, C = (RNG.standard_normal((4, 6)).astype('f4') for _ in range(4))


def chain(names: str, values: list[np.ndarray]) -> Tapped:
    """Nodes one after the other, each called after what it gives."""
    given = ['x', *names]
    nodes = tuple(Node(name, 'Op', (before,), (name,)) for before, name in zip(given, names, strict=False))
    return Tapped(nodes, dict(zip(given, [X, *values], strict=True)), ('x',))


BEFORE = chain('abc', [A, B, C])


def test_names_and_layouts_do_not_matter():
    assert blamed(chain('pqr', [A.T, B.reshape(2, 12), C[::-1]]), BEFORE, 'f32') is None


def test_the_first_wrong_node_is_named_with_what_it_should_have_been():
    blame = blamed(chain('pqr', [A, 1.5 * B, 2 * C]), BEFORE, 'f32')

    assert blame is not None
    assert (blame.name, blame.place, blame.like) == ('q', 2, 'b')
    assert round(blame.apart or 0, 3) == 0.5


def test_half_of_a_fused_node_is_right_when_what_follows_is():
    assert blamed(chain('pqrs', [A, B + 1, B, C]), BEFORE, 'f32') is None


def test_a_node_that_makes_weights_is_not_blamed_for_them():
    weights = Node('scale', 'Mul', ('w',), ('scaled',))
    model = chain('pqr', [A, B, C])

    assert blamed(Tapped((weights, *model.nodes), {**model.values, 'scaled': 3 * A}, ('x',)), BEFORE, 'f32') is None


def test_of_two_branches_the_wrong_one_is_named():
    nodes = (Node('l', 'Op', ('x',), ('l',)), Node('r', 'Op', ('x',), ('r',)), Node('sum', 'Add', ('l', 'r'), ('sum',)))
    before = Tapped(nodes, {'x': X, 'l': A, 'r': B, 'sum': A + B}, ('x',))
    wrong = Tapped(nodes, {'x': X, 'l': A, 'r': 1.1 * B, 'sum': A + 1.1 * B}, ('x',))

    assert (blame := blamed(wrong, before, 'f32')) and blame.name == 'r'


def test_infinities_in_other_places_are_a_difference():
    endless = B.copy()
    endless[0, 0] = np.inf

    assert (blame := blamed(chain('pqr', [A, endless, C + 1]), BEFORE, 'f32')) and blame.name == 'q'
    assert blamed(chain('pqr', [A, endless, C]), chain('abc', [A, endless, C]), 'f32') is None


def test_layers_are_ranked_by_the_noise_that_each_adds():
    noisy = [A + 0.001 * B, B + 0.3 * C, C + 0.35 * A]

    first, second, *_ = costs(chain('abc', noisy), BEFORE)

    assert (first.name, second.name) == ('b', 'c')
    assert first.total > first.added > second.added
