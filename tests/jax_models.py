"""Models of JAX that recipes may bring, right ones and wrong ones; read in the locked environment alone."""

import equinox
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import nnx

WEIGHTS = {'first': np.linspace(-1, 1, 24, dtype='f4').reshape(6, 4), 'second': {'bias': np.ones(4, 'f4')}}


def pair():
    return lambda weights, x: jnp.tanh(x @ weights['first'] + weights['second']['bias']), WEIGHTS


def nested():
    """Two places in one argument, a switch that stays, named outputs below a key."""

    def run(features, scale: float = 2.0):
        return {'parts': (features['left'] * scale, features['right'].sum(-1)), 'none': None}

    return run


def counted():
    return lambda ids: jax.nn.one_hot(ids, 10).sum(1)


def windows():
    """Pooling with arguments by place, over a window of JAX, and by repeating: none of them a layer of jax2onnx."""

    def run(image):
        pooled = nn.max_pool(image, (3, 3), (2, 2), 'SAME')
        return jnp.repeat(
            jax.lax.reduce_window(pooled, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 1, 1, 1), 'VALID'), 2, 1
        )

    return run


def recurrent():
    """A layer of linen that draws its first state from a key: constants, once the key is one."""
    layer = nn.RNN(nn.LSTMCell(5))
    return layer, layer.init(jax.random.key(0), jnp.zeros((1, 3, 4)))


def noisy():
    return lambda x: x + jax.random.normal(jax.random.key(7), (6,))


def perceptron():
    net = equinox.nn.MLP(6, 3, 8, 2, key=jax.random.key(0))
    return (lambda net, x: jax.vmap(net)(x)), net


class Dropped(nnx.Module):
    def __init__(self):
        self.norm = nnx.BatchNorm(6, rngs=nnx.Rngs(0))
        self.drop = nnx.Dropout(0.5, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.drop(self.norm(x))


def dropped():
    return Dropped()


def brain():
    return (lambda weights, x: x.astype(jnp.bfloat16) * weights), jnp.ones(6, jnp.bfloat16)


def halves():
    """The length of what it returns is no dimension of what it takes."""
    return lambda x: x[:, : x.shape[1] // 2]


def sized():
    """Looks at a size, which no symbol answers."""
    return lambda x: jnp.concatenate([x, x]) if x.shape[0] > 10 else x


def called_back():
    return lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def decomposed():
    return lambda x: jnp.linalg.svd(x)[0]


def alone():
    return nn.Dense(3)


def number():
    return 7


def words():
    return lambda x: {'x': x, 'key': jax.random.key(0)}


def broken():
    return lambda x: x @ jnp.ones((5, 5))
