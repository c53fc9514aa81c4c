"""Melodies of four notes, played by a synthesizer of a few lines: two seconds each, as Basic Pitch hears them.

Calibration and evaluation differ in pitches, rhythm, timbre and noise; no note sequence is in both. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Arrays = dict[str, np.ndarray]

RATE, SAMPLES, FRAMES = 22_050, 43_844, 172
HOP = 256
LOWEST = 21
"""MIDI number of the lowest of the 88 keys."""

NOTES = 4
SOUNDS, STARTS = 0.3, 0.5
"""What Basic Pitch itself asks of a frame, and of the start of a note."""

SHORTEST = 11
"""Frames (0.13 s) that make a note."""


def calibrate() -> Arrays:
    """Return 12 melodies."""
    return {'audio': _melodies(12, seed=100)[0]}


def evaluate() -> Arrays:
    """Return 16 other melodies and their notes: key (0 to 87), first frame, last frame."""
    audio, notes = _melodies(16, seed=7)
    return {'audio': audio, 'truth': notes}


def notes_found(outputs: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return, per melody, how well the keys heard match those played: twice the hits over heard and played, 1 is all.

    A note counts as heard where it sounds for 11 frames on end; as a hit where it was played and starts in time.
    """
    scores = []
    for note, onset, truth in zip(outputs['note'], outputs['onset'], data['truth'], strict=True):
        heard = sum(_runs(note[:, key] >= SOUNDS) for key in range(note.shape[1]))
        hits = 0
        for key, first, last in truth:
            around = onset[max(first - 4, 0) : first + 5, key]
            hits += bool(note[first:last, key].mean() >= SOUNDS and around.max() >= STARTS)
        scores.append(2 * hits / max(heard + len(truth), 1))
    return np.array(scores)


def _runs(on: np.ndarray) -> int:
    """Count the stretches of at least SHORTEST frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return int(((edges[1::2] - edges[::2]) >= SHORTEST).sum())


def _melodies(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    audio, notes = np.zeros((count, SAMPLES, 1), np.float32), np.zeros((count, NOTES, 3), np.int64)
    for number in range(count):
        keys = rng.choice(np.arange(48, 80), NOTES, replace=False)
        tilt, start = rng.uniform(1.2, 2.2), rng.uniform(0.05, 0.15)
        for place, midi in enumerate(keys):
            length = rng.uniform(0.30, 0.38)
            begin = int(start * RATE)
            sound = _note(midi, length, tilt)
            audio[number, begin : begin + len(sound), 0] += sound
            notes[number, place] = midi - LOWEST, begin // HOP, (begin + len(sound)) // HOP
            start += length + rng.uniform(0.06, 0.09)
        audio[number, :, 0] += rng.standard_normal(SAMPLES) * 0.002
    return audio, notes


def _note(midi: int, seconds: float, tilt: float) -> np.ndarray:
    """Return a plucked string: eight partials that fall off by ``tilt``, and die away."""
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((midi - 69) / 12)
    partials = sum(np.sin(2 * np.pi * pitch * k * time) / k**tilt for k in range(1, 9))
    envelope = np.minimum(time / 0.008, 1) * np.exp(-2.5 * time) * np.minimum((seconds - time) / 0.02, 1)
    return (0.35 * partials * envelope).astype(np.float32)
