# Run: owt call examples/chat/chat.py prompt:'A generator is' words:20
"""A very small language model, trained on Python's own manual, that answers word by word."""

import random
import re
import time
from collections import defaultdict
from pydoc_data.topics import topics

from owt.summat import stream

TOKEN = re.compile(r" ?[\w'-]+(?:\.\w+)*|[.,;:?]")


def run(request, prompt, words=150, pause=0.04):
    return stream.response(answer(prompt, words, pause))


def answer(prompt, words, pause):
    """Yield an event for each token. When the page is closed, the generator is closed here."""
    said = 0
    try:
        for token in generate(prompt):
            yield stream.event(token=token)
            said += 1
            if said >= words and token == ".":
                break
            # A large model takes its time by itself.
            time.sleep(pause)
        yield stream.done()
    finally:
        logging.info("the answer ended after %d tokens", said)


def generate(prompt):
    """Yield one token after the other, without end: this is where your own model goes."""
    said = tokens(prompt)
    while True:
        said.append(random.choice(likely(said)))
        yield said[-1]


def likely(said):
    """Return what came after the last tokens: after two of them, or as many as are known."""
    contexts = (tuple(said[max(0, len(said) - length) :]) for length in (2, 1, 0))
    return next(after[context] for context in contexts if context in after)


def tokens(text):
    return TOKEN.findall(" " + " ".join(text.split()))


def train(texts):
    """Return what came after each context of up to two tokens, as often as it came."""
    after = defaultdict(list)
    for text in texts:
        read = tokens(text)
        for place, token in enumerate(read):
            for length in range(min(2, place) + 1):
                after[tuple(read[place - length : place])].append(token)
    return dict(after)


def prose():
    """Yield the paragraphs of the manual that are sentences, without the markup in them."""
    for paragraph in "\n\n".join(topics.values()).split("\n\n"):
        if re.match("[A-Z].*[.]$", paragraph, re.DOTALL) and "::=" not in paragraph:
            yield re.sub(r"[*`()\[\]\"“”]", "", paragraph)


after = train(prose())
