# Run: node examples/embeddings/search.mjs 'a person eats a meal' http://localhost:9876
"""Finds the sentences that mean most nearly what was asked for."""

import numpy as np

from examples.embeddings.minilm import embed


def run(query, texts, best=3):
    scores = np.array([embed(text) for text in texts]) @ embed(query)
    order = np.argsort(-scores)[:best]
    return [{"text": texts[at], "score": round(float(scores[at]), 2)} for at in order]
