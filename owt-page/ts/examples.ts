/** Adaptors to start from: one for each kind of answer. They need nothing but Python. */

import { type Draft, draft } from './draft.js';

const HELLO = `def run(name: str = "world", times: int = 3):
    """Greets somebody, as often as you like."""
    return "\\n".join(f"Hello, {name}!" for _ in range(times))
`;

const TABLE = `from collections import Counter


def run(text: str = "to be or not to be", longest: int = 10):
    """Counts words. A list of dicts is shown as a table."""
    counts = Counter(text.split()).most_common(longest)
    return [{"word": word, "count": count} for word, count in counts]
`;

const STREAM = `import time


def run(request, steps: int = 10, pause: float = 0.3):
    """Answers line by line, and says how far it has come. Stop it with Esc."""
    for step in range(1, steps + 1):
        request.progress(step, steps, text=f"step {step}")
        yield f"line {step} of {steps}\\n"
        time.sleep(pause)
`;

const EVENTS = `import time

from owt.summat import stream


def ticks(count, pause):
    for number in range(count):
        yield {"tick": number, "at": time.strftime("%H:%M:%S")}
        time.sleep(pause)


def run(count: int = 5, pause: float = 0.5):
    """Sends server-sent events."""
    return stream.response(ticks(count, pause))
`;

const SOUND = `import math
import random

from owt import Response
from owt.summat import audio


def run(pitch: float = 220.0, seconds: float = 2.0):
    """Plucks a string (Karplus and Strong, 1983)."""
    rate = 22_050
    string = [random.uniform(-0.8, 0.8) for _ in range(int(rate / pitch))]
    samples = []
    for at in range(int(rate * seconds)):
        here = at % len(string)
        samples.append(string[here])
        string[here] = 0.498 * (string[here] + string[(here + 1) % len(string)])
    return Response(audio.wav(samples, rate), headers={"Content-Type": "audio/wav"})
`;

const PICTURE = `from owt import Response


def run(petals: int = 12, colour: str = "#d6336c"):
    """Draws a flower. Pillow images and matplotlib figures are shown as well."""
    petal = f'<ellipse cx="100" cy="52" rx="17" ry="44" fill="{colour}" fill-opacity=".5"'
    turned = [f'{petal} transform="rotate({360 / petals * n} 100 100)"/>' for n in range(petals)]
    heart = '<circle cx="100" cy="100" r="15" fill="#f59f00"/>'
    start = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" width="360" height="360">'
    return Response(start + "".join(turned) + heart + "</svg>", headers={"Content-Type": "image/svg+xml"})
`;

const HTML = `def run(title: str = "A page of its own"):
    """Answers with HTML. It is shown in a frame that can reach nothing."""
    return f"""<!doctype html>
<style>body {{ font: 18px/1.5 system-ui; margin: 2rem; background: #fff; color: #222 }}</style>
<h1>{title}</h1>
<p>Pressed <output>0</output> times.</p>
<button onclick="document.querySelector('output').value++">Press</button>
"""
`;

const FILES = `import hashlib


def run(request):
    """Reads the files that were dropped on the page."""
    return [
        {
            "name": file.filename,
            "type": file.content_type,
            "sha256": hashlib.sha256(file.read()).hexdigest(),
        }
        for file in request.files.getlist("file")
    ]
`;

/** By what they show. */
export const EXAMPLES: ReadonlyMap<string, Draft> = new Map([
  ['Hello', draft('hello.py', HELLO)],
  ['A table', draft('table.py', TABLE)],
  ['A stream, with progress', draft('stream.py', STREAM)],
  ['Server-sent events', draft('events.py', EVENTS)],
  ['A picture', draft('picture.py', PICTURE)],
  ['Sound', draft('sound.py', SOUND)],
  ['HTML', draft('html.py', HTML)],
  ['Files', draft('files.py', FILES)],
]);

/** What somebody who comes for the first time finds. */
export const FIRST: Draft = draft('hello.py', HELLO);

/** What an empty tab begins with. */
export const EMPTY = 'def run(request):\n    return "hello"\n';
