# Run: ./examples/listen/listen.sh tests/data/flite_kal16_hello.wav
# /// script
# dependencies = ["pocketsphinx"]
# ///
"""Recognises English speech in a WAV file while it comes in: a line of JSON for each guess."""

import io
import wave

from owt.summat import stream
from pocketsphinx import Decoder, Endpointer

# Samples a second that both the recogniser and what finds speech in the sound can take.
RATES = range(16000, 48001)
SILENCE = bytes(2)
UNFIT = (
    "The WAV file must have one channel, 16 bits a sample, and 16000 to 48000 samples a second. "
    "This makes such a file: ffmpeg -i FILE -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav"
)


def run(request):
    # Buffered, since a piece of the body as it arrives may end anywhere.
    sound = open_wav(io.BufferedReader(request.stream))
    return stream.ndjson(listen(sound, sound.getframerate()))


def open_wav(file):
    try:
        sound = wave.open(file)
    except (wave.Error, EOFError) as err:
        abort(415, f"The body is not a WAV file: {err}.")
    if (sound.getnchannels(), sound.getsampwidth()) != (1, 2) or sound.getframerate() not in RATES:
        abort(415, UNFIT)
    return sound


def listen(sound, rate):
    """Yield `partial` texts while somebody speaks, and the `text` when he pauses."""
    endpointer = Endpointer(sample_rate=rate)
    decoder = Decoder(samprate=rate, loglevel="FATAL")
    for speech, is_first, is_last in utterances(sound, endpointer):
        if is_first:
            decoder.start_utt()
            guess = ""
        decoder.process_raw(speech)
        if is_last:
            decoder.end_utt()
            start, end = endpointer.speech_start, endpointer.speech_end
            yield {"text": text_of(decoder), "start": round(start, 2), "end": round(end, 2)}
        elif guess != (guess := text_of(decoder)):
            yield {"partial": guess}


def utterances(sound, endpointer):
    """Yield the pieces of sound in which somebody speaks: (piece, is the first, is the last)."""
    is_speech = False
    frames = endpointer.frame_bytes // sound.getsampwidth()
    while len(piece := sound.readframes(frames)) == endpointer.frame_bytes:
        speech = endpointer.process(piece)
        if speech is not None:
            yield speech, not is_speech, not endpointer.in_speech
        is_speech = endpointer.in_speech
    if is_speech:
        yield endpointer.end_stream(piece or SILENCE) or SILENCE, False, True


def text_of(decoder):
    found = decoder.hyp()
    return found.hypstr if found else ""
