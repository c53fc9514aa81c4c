"""3x3 convolutions by Winograd's way: a tile of results at once, of a fraction of the products.

F(2x2, 3x3) and F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015):
Y = A' [(G g G') * (B' d B)] A, with the points 0, 1, -1 and, for four, 2 and -2. The weights G g G' are computed once,
when compiling, in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

WINDOW: Final = 'winograd_window'
ROWS: Final = 'winograd_rows'
INPUT: Final = 'winograd_input'
PRODUCT: Final = 'winograd_product'
BACK: Final = 'winograd_back'
OUTPUT: Final = 'winograd_output'
STEPS: Final = (WINDOW, ROWS, INPUT, PRODUCT, BACK, OUTPUT)
"""The blocks of such a function, in order."""

STRIP: Final = 14
"""Tiles that are done together, at most: rows of a product in registers, or twice as many."""

NEAR: Final = 640 * 1024
"""Bytes of weights that stay near a core."""

WEIGHT: Final = 4
FAR_WEIGHT: Final = 28
"""What a weight costs, in products with it, near and far: also for its bytes in the library, 16 or 36 where 9 were."""

FUSED_AFTER: Final = 4
"""TVM's number for functions that what follows element by element is fused into."""

Terms = Sequence[Any]


@dataclass(frozen=True)
class Way:
    """How many results a tile has, and how it is turned."""

    results: int
    """Each way."""

    spread: tuple[tuple[float, ...], ...]
    """G: what turns three weights into as many as a tile has inputs."""

    turned: Callable[[Terms], Terms]
    """B': what turns a line of inputs."""

    back: Callable[[Terms], Terms]
    """A': what turns a line of products into results."""

    @property
    def inputs(self) -> int:
        """Inputs of a tile, each way: its results and what a 3x3 window sees beyond them."""
        return self.results + 2


def turned_four(d: Terms) -> Terms:
    """Return B' of F(2, 3) times four inputs."""
    return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]


def back_two(m: Terms) -> Terms:
    """Return A' of F(2, 3) times four products."""
    return m[0] + (m[1] + m[2]), (m[1] - m[2]) - m[3]


def turned_six(d: Terms) -> Terms:
    """Return B' of F(4, 3) times six inputs."""
    return (
        4 * d[0] - 5 * d[2] + d[4],
        (d[4] - 4 * d[2]) + (d[3] - 4 * d[1]),
        (d[4] - 4 * d[2]) - (d[3] - 4 * d[1]),
        (d[4] - d[2]) + 2 * (d[3] - d[1]),
        (d[4] - d[2]) - 2 * (d[3] - d[1]),
        4 * d[1] - 5 * d[3] + d[5],
    )


def back_four(m: Terms) -> Terms:
    """Return A' of F(4, 3) times six products."""
    return (
        m[0] + (m[1] + m[2]) + (m[3] + m[4]),
        (m[1] - m[2]) + 2 * (m[3] - m[4]),
        (m[1] + m[2]) + 4 * (m[3] + m[4]),
        (m[1] - m[2]) + 8 * (m[3] - m[4]) + m[5],
    )


TWO: Final = Way(2, ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)), turned_four, back_two)
FOUR: Final = Way(
    4,
    (
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
    turned_six,
    back_four,
)


@dataclass(frozen=True)
class Shape:
    """The sizes of a convolution."""

    batch: int
    height: int
    width: int
    channels: int
    filters: int
    padding: tuple[int, int, int, int]
    """Top, left, bottom, right."""

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the results."""
        top, left, bottom, right = self.padding
        return self.height + top + bottom - 2, self.width + left + right - 2

    def tiles(self, way: Way) -> tuple[int, int]:
        """Return the tiles down, and across: so many that strips of equal length make a line."""
        high, wide = self.output
        across = -(-wide // way.results)
        strips = -(-across // STRIP)
        return -(-high // way.results), strips * -(-across // strips)


def winograd(module: Any) -> Any:
    """Return ``module`` with the 3x3 convolutions that gain by it computed in tiles; channels must be last."""
    from tvm import relax

    @relax.expr_functor.mutator
    class Mutator(relax.PyExprMutator):  # type: ignore[misc]
        """Rewrites one call at a time."""

        def visit_call_(self, call: Any) -> Any:
            call = self.visit_expr_post_order(call)
            if getattr(call.op, 'name', '') != 'relax.nn.conv2d':
                return call
            weights = self.known(call.args[1])
            shape = shaped(call, weights)
            if shape is None or (way := best(shape)) is None:
                return call
            return self.builder_.call_te(
                lambda x, w: computed(x, w, shape, way),
                call.args[0],
                relax.const(transformed(weights.value.numpy(), way)),
                primfunc_name_hint='conv2d_winograd',
                primfunc_attrs={'op_pattern': FUSED_AFTER},
            )

        def known(self, operand: Any) -> Any:
            """Return what a variable stands for; anything else as it is."""
            return self.lookup_binding(operand) if isinstance(operand, relax.Var) else operand

    mutator = Mutator(module)
    for variable, function in module.functions_items():
        if isinstance(function, relax.Function):
            mutator.builder_.update_func(variable, mutator.visit_expr(function))
    return mutator.builder_.get()


def shaped(call: Any, weights: Any) -> Shape | None:
    """Return the sizes of a convolution that can be done so: float32, constant 3x3 weights, steps of one; else None."""
    from tvm.ir.expr import GenericConst

    attrs = call.attrs
    plain = attrs.groups == 1 and all(int(step) == 1 for step in (*attrs.strides, *attrs.dilation))
    last = attrs.data_layout == 'NHWC' and attrs.kernel_layout == 'HWIO'
    if not plain or not last or not isinstance(weights, GenericConst) or str(call.ty.dtype) != 'float32':
        return None
    high, wide, channels, filters = (int(size) for size in weights.value.shape)
    batch, height, width, _ = (int(size) for size in call.args[0].ty.shape)
    top, left, bottom, right = (int(size) for size in attrs.padding)
    if (high, wide) != (3, 3):
        return None
    return Shape(batch, height, width, channels, filters, (top, left, bottom, right))


def best(shape: Shape) -> Way | None:
    """Return the way that a convolution is fastest in; None where it is better done as it is."""
    if min(shape.channels, shape.filters) < 16 or shape.channels % 8 or shape.filters % 8:
        return None
    near = 4 * FOUR.inputs**2 * shape.channels * shape.filters <= NEAR
    weight = WEIGHT if near else FAR_WEIGHT

    def cost(way: Way | None) -> int:
        if way is None:
            return 9 * (shape.batch * prod(shape.output) + weight)
        return way.inputs**2 * (shape.batch * prod(shape.tiles(way)) + weight)

    return min((FOUR, TWO, None), key=cost)


def transformed(weights: Any, way: Way) -> Any:
    """Return G g G' of weights of shape (3, 3, channels, filters): (inputs, inputs, channels, filters)."""
    import numpy as np

    spread = np.array(way.spread)
    turned = np.einsum('ai,bj,ijcf->abcf', spread, spread, weights.astype(np.float64), optimize=True)
    return turned.astype(np.float32)


def computed(x: Any, weights: Any, shape: Shape, way: Way) -> Any:
    """Return the convolution as TVM's tensor expressions: a tile's inputs, turned, multiplied, turned back."""
    from tvm import te, tirx

    top, left, _, _ = shape.padding
    down, across = shape.tiles(way)
    tiles, size, edge = shape.batch * down * across, way.inputs, way.results

    def seen(p: Any, i: Any, j: Any, c: Any) -> Any:
        y, z = p // across % down * edge + i - top, p % across * edge + j - left
        inside = tirx.all(y >= 0, y < shape.height, z >= 0, z < shape.width)
        return tirx.if_then_else(inside, x[p // (down * across), y, z, c], tirx.const(0.0, 'float32'))

    def rows(p: Any, a: Any, j: Any, c: Any) -> Any:
        return one_of(a, way.turned([window[p, i, j, c] for i in range(size)]))

    def source(a: Any, b: Any, p: Any, c: Any) -> Any:
        return one_of(b, way.turned([turned[p, a, j, c] for j in range(size)]))

    def summed(a: Any, b: Any, p: Any, f: Any) -> Any:
        return te.sum(data[a, b, p, channel] * weights[a, b, channel, f], axis=channel)

    def back(p: Any, y: Any, b: Any, f: Any) -> Any:
        return one_of(y, way.back([product[a, b, p, f] for a in range(size)]))

    def result(n: Any, y: Any, z: Any, f: Any) -> Any:
        p = (n * down + y // edge) * across + z // edge
        return one_of(z % edge, way.back([lines[p, y % edge, b, f] for b in range(size)]))

    channel = te.reduce_axis((0, shape.channels), name='channel')
    window = te.compute((tiles, size, size, shape.channels), seen, name=WINDOW)
    turned = te.compute((tiles, size, size, shape.channels), rows, name=ROWS)
    data = te.compute((size, size, tiles, shape.channels), source, name=INPUT)
    product = te.compute((size, size, tiles, shape.filters), summed, name=PRODUCT)
    lines = te.compute((tiles, edge, size, shape.filters), back, name=BACK)
    return te.compute((shape.batch, *shape.output, shape.filters), result, name=OUTPUT)


def one_of(index: Any, values: Terms) -> Any:
    """Return the value at ``index``: a choice that is gone once the loop over it is unrolled."""
    from tvm import tirx

    chosen = values[-1]
    for place in reversed(range(len(values) - 1)):
        chosen = tirx.Select(index == place, values[place], chosen)
    return chosen
