"""Any number of samples through an artifact that takes a fixed number: cut into its size, and joined again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from stages.contract.port import Contract
from stages.errors import FeedError

if TYPE_CHECKING:
    import numpy

Arrays = Mapping[str, 'numpy.ndarray']


def count(feed: Arrays, contract: Contract) -> int | None:
    """Return how many samples a feed holds; None where no input counts them. Raises FeedError where inputs differ."""
    held = {p.name: feed[p.name].shape[p.batch] for p in contract.inputs if p.batch is not None and p.name in feed}
    if len({*held.values()}) > 1:
        raise FeedError(f'inputs hold different numbers of samples: {", ".join(f"{n} {c}" for n, c in held.items())}')
    return next(iter(held.values()), None)


def in_parts(
    run: Callable[[dict[str, numpy.ndarray]], dict[str, numpy.ndarray]], feed: Arrays, contract: Contract, rows: int
) -> dict[str, numpy.ndarray]:
    """Return the answers to ``feed``, asked ``rows`` samples at a time; the last part is filled up with its last one.

    Raises FeedError where an output has no axis that counts samples: its answers cannot be joined.
    """
    import numpy as np

    total = count(feed, contract) or 0
    if whole := [port.name for port in contract.outputs if port.batch is None]:
        raise FeedError(
            f'{total} samples, where the artifact takes {rows} in a call; {", ".join(whole)} has no axis that counts '
            f'samples, so answers cannot be joined: give {rows}'
        )
    parts: dict[str, list[numpy.ndarray]] = {port.name: [] for port in contract.outputs}
    for start in range(0, total, rows):
        chosen = np.minimum(np.arange(start, start + rows), total - 1)
        part = {
            port.name: feed[port.name] if port.batch is None else np.take(feed[port.name], chosen, axis=port.batch)
            for port in contract.inputs
        }
        answers = run(part)
        for port in contract.outputs:
            kept = np.arange(min(rows, total - start))
            parts[port.name].append(np.take(answers[port.name], kept, axis=port.batch))
    return {port.name: np.concatenate(parts[port.name], axis=port.batch or 0) for port in contract.outputs}
