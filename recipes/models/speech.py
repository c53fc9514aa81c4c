"""Speech out of a 16-bit wave file, and seeded noise to lay over it. No torch here.

The noise is sums and products of uniform numbers, not a Fourier transform: the same bytes on every machine.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 16_000


def read(file: Path) -> np.ndarray:
    """Return the samples of a mono file at 16 kHz, from -1 to 1; three times that rate is averaged down."""
    with wave.open(str(file)) as opened:
        if (opened.getnchannels(), opened.getsampwidth()) != (1, 2) or opened.getframerate() not in (RATE, 3 * RATE):
            raise ValueError(f'{file.name} should be mono, 16 bits, 16 or 48 kHz; it is {opened.getparams()}')
        sound = np.frombuffer(opened.readframes(opened.getnframes()), '<i2').astype(np.float32) / np.float32(32768)
        if opened.getframerate() == RATE:
            return sound
        return sound[: len(sound) // 3 * 3].reshape(-1, 3).mean(1, dtype=np.float32)


def white(count: int, seed: int) -> np.ndarray:
    """Return hiss of power 1: as much of every frequency."""
    return _unit(_uniform(np.random.Generator(np.random.PCG64(seed)), count))


def pink(count: int, seed: int) -> np.ndarray:
    """Return a rumble of power 1: each octave as strong as the next, as in rooms and streets."""
    random = np.random.Generator(np.random.PCG64(seed))
    held = [np.repeat(_uniform(random, -(-count // hold)), hold)[:count] for hold in (1, 2, 4, 8, 16, 32, 64, 128)]
    return _unit(np.sum(held, axis=0, dtype=np.float32))


def mixed(speech: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Return ``speech`` under ``noise``, its power ``decibels`` above that of the noise."""
    level = np.sqrt(np.mean(speech**2)) * np.float32(10 ** (-decibels / 20))
    return np.clip(speech + level * noise, -1, 1).astype(np.float32)


def _uniform(random: np.random.Generator, count: int) -> np.ndarray:
    return random.random(count, np.float32) - np.float32(0.5)


def _unit(noise: np.ndarray) -> np.ndarray:
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
