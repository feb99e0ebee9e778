"""Write on in the manner of a text, word by word. Sent by main.js; see README.md."""

import random
import time
from collections import defaultdict

# What a model would need for a word.
PAUSE = 0.03


def run(text, length):
    followers = learn(text.split())

    def events():
        for done, word in zip(range(1, length + 1), write(followers)):
            yield event("word", word)
            yield event("progress", done / length)
            time.sleep(PAUSE)

    return events(), {"Content-Type": "text/event-stream"}


def learn(words):
    """Which words follow each pair of words. After the last pair comes the first."""
    followers = defaultdict(list)
    for first, second, third in zip(words, words[1:] + words[:1], words[2:] + words[:2]):
        followers[first, second].append(third)
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
