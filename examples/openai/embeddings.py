# Run: owt serve --config examples/openai/owt.toml
"""Makes vectors of texts as OpenAI's endpoint /v1/embeddings does, with MiniLM."""

from typing import Literal

import numpy as np

from examples.embeddings.minilm import embed


def run(
    input: str | list[str],
    model: str = "all-minilm-l6-v2",
    encoding_format: Literal["float", "base64"] = "float",
    dimensions: int | None = None,
    **more,
) -> dict:
    """Make a vector of each text."""
    texts = [input] if isinstance(input, str) else input
    if not texts:
        abort(400, "There is no text to make a vector of.")
    vectors = [shortened(embed(text), dimensions) for text in texts]
    data = [
        {"object": "embedding", "index": index, "embedding": encoded(vector, encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    # It counts words, as near to tokens as is needed here.
    words = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": words, "total_tokens": words}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def shortened(vector, dimensions):
    if dimensions is None or dimensions >= len(vector):
        return vector
    vector = vector[:dimensions]
    return vector / np.linalg.norm(vector)


def encoded(vector, encoding):
    if encoding == "float":
        return [float(number) for number in vector]
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
