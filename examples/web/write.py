"""Write on in the manner of a text, word by word. Sent by main.js; see README.md."""

import random
import time
from collections import defaultdict
from itertools import islice

# What a model would need for a word.
PAUSE = 0.03


def run(text, length):
    followers = learn(text.split() or ["Silence."])

    def events():
        for done, word in enumerate(islice(write(followers), length), 1):
            yield event("word", word)
            yield event("progress", done / length)
            time.sleep(PAUSE)

    return events(), {"Content-Type": "text/event-stream"}


def learn(words):
    """Which words follow each pair of words. After the last word comes the first."""
    followers = defaultdict(list)
    for at, word in enumerate(words):
        pair = words[(at - 2) % len(words)], words[(at - 1) % len(words)]
        followers[pair].append(word)
    return followers


def write(followers):
    pair = random.choice(list(followers))
    yield from pair
    while True:
        word = random.choice(followers[pair])
        pair = (pair[1], word)
        yield word


def event(name, data):
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
