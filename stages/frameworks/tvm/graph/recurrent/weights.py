"""The weights of a recurrent layer as its loop reads them: panels of hidden units, all gates of a unit in one panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.tvm.graph.recurrent.scan import Scan

if TYPE_CHECKING:
    import numpy


def panels(array: numpy.ndarray, scan: Scan) -> numpy.ndarray:
    """Return ``array`` [directions, gates * hidden, ...] as [directions, panels, gates * width, ...], zeros added."""
    import numpy as np

    rest = array.shape[2:]
    wide = np.zeros((scan.directions, scan.gates, scan.panels * scan.width, *rest), 'float32')
    wide[:, :, : scan.hidden] = array.reshape(scan.directions, scan.gates, scan.hidden, *rest)
    cut = wide.reshape(scan.directions, scan.gates, scan.panels, scan.width, *rest).swapaxes(1, 2)
    return np.ascontiguousarray(cut.reshape(scan.directions, scan.panels, scan.gates * scan.width, *rest))


def of_inputs(array: numpy.ndarray, scan: Scan) -> numpy.ndarray:
    """Return the weights of the inputs as one matrix: [features, directions * panels * gates * width]."""
    import numpy as np

    return np.ascontiguousarray(panels(array, scan).reshape(-1, array.shape[2]).T)


def of_states(array: numpy.ndarray, scan: Scan) -> numpy.ndarray:
    """Return the recurrent weights: [directions, panels, hidden, gates * width]."""
    import numpy as np

    return np.ascontiguousarray(panels(array, scan).swapaxes(2, 3))
