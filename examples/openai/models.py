# Run: owt serve --config examples/openai/owt.toml
"""Lists the models, as OpenAI's endpoint /v1/models does."""

MODELS = ("piper", "all-minilm-l6-v2")


def run() -> dict:
    """List the models."""
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "owt"} for name in MODELS]
    return {"object": "list", "data": models}
