"""Models of JAX with seeded weights: a convolutional net of Flax NNX, an encoder of Flax linen, a plain function."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import nnx


class Block(nnx.Module):
    """Two convolutions with batch normalisation, around which the input is led."""

    def __init__(self, width, rngs):
        self.first = nnx.Conv(width, width, (3, 3), use_bias=False, rngs=rngs)
        self.second = nnx.Conv(width, width, (3, 3), use_bias=False, rngs=rngs)
        self.norms = nnx.List([nnx.BatchNorm(width, rngs=rngs), nnx.BatchNorm(width, rngs=rngs)])

    def __call__(self, x):
        inner = nnx.relu(self.norms[0](self.first(x)))
        return nnx.relu(x + self.norms[1](self.second(inner)))


class ConvNet(nnx.Module):
    """A small residual net: images [batch, height, width, channel] in, scores out."""

    def __init__(self, rngs):
        self.stem = nnx.Conv(3, 32, (3, 3), strides=(2, 2), rngs=rngs)
        self.blocks = nnx.List([Block(32, rngs), Block(32, rngs)])
        self.dropout = nnx.Dropout(0.2, rngs=rngs)
        self.head = nnx.Linear(32, 10, rngs=rngs)

    def __call__(self, image):
        x = nnx.relu(self.stem(image))
        for block in self.blocks:
            x = nnx.max_pool(block(x), (2, 2), (2, 2))
        return self.head(self.dropout(jnp.mean(x, axis=(1, 2))))


def conv():
    net = ConvNet(nnx.Rngs(0))
    # as training would leave them: statistics that are not those of a net that saw nothing
    draw = jax.random.split(jax.random.key(1), 8)
    for place, norm in enumerate(norm for block in net.blocks for norm in block.norms):
        norm.mean[...] = 0.1 * jax.random.normal(draw[2 * place], (32,))
        norm.var[...] = jax.random.uniform(draw[2 * place + 1], (32,), minval=0.5, maxval=2.0)
    return net


class Layer(nn.Module):
    """One layer of an encoder: attention among the words that are there, then two dense layers."""

    width: int
    heads: int

    @nn.compact
    def __call__(self, x, there):
        attention = nn.MultiHeadDotProductAttention(self.heads, deterministic=True)
        normed = nn.LayerNorm()(x)
        x = x + attention(normed, mask=nn.make_attention_mask(there, there))
        return x + nn.Dense(self.width)(nn.gelu(nn.Dense(4 * self.width)(nn.LayerNorm()(x))))


class Encoder(nn.Module):
    """Words by number in, a vector for each text out."""

    words: int = 1000
    width: int = 64
    heads: int = 4
    layers: int = 2
    longest: int = 128

    @nn.compact
    def __call__(self, ids, mask):
        there = mask > 0
        place = nn.Embed(self.longest, self.width)(jnp.arange(ids.shape[1])[None])
        x = nn.Embed(self.words, self.width)(ids) + place
        for _ in range(self.layers):
            x = Layer(self.width, self.heads)(x, there)
        kept = there[..., None].astype(x.dtype)
        return jnp.sum(nn.LayerNorm()(x) * kept, axis=1) / jnp.maximum(jnp.sum(kept, axis=1), 1.0)


def encoder():
    example = jnp.ones((1, 8), jnp.int32)
    return Encoder(), Encoder().init(jax.random.key(0), example, example)


def two_towers():
    """Return a function of its parameters, a query and a document; it answers with a dict."""
    keys = jax.random.split(jax.random.key(0), 2)
    weights = {'query': jax.random.normal(keys[0], (24, 16)) / 5, 'document': jax.random.normal(keys[1], (40, 16)) / 6}

    def compared(weights, query, document):
        left = jnp.tanh(query @ weights['query'])
        right = jnp.tanh(document @ weights['document'])
        sizes = jnp.linalg.norm(left, axis=-1) * jnp.linalg.norm(right, axis=-1)
        return {'likeness': jnp.sum(left * right, axis=-1) / (sizes + 1e-6), 'query_vector': left}

    return compared, weights
