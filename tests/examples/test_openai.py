"""OpenAI's own client, unchanged, against named endpoints."""

import io
import wave
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from harness.program import ROOT
from harness.server import Server

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that is started as the README says, in the virtualenv of the models."""
    options = ("--config", "examples/openai/owt.toml", "--dependencies", "off")
    python = ("--python", str(models))
    env = {"OWT_TOKEN": TOKEN}
    home = tmp_path_factory.mktemp("openai")
    with Server.started(*options, *python, home=home, env=env, cwd=ROOT) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    # Left to the collector, which may take its sockets first, it would warn in any later test.
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client


def test_a_text_is_spoken(client: openai.OpenAI) -> None:
    spoken = client.audio.speech.create(
        model="piper", voice="joe", input="Hello! This is owt.", response_format="wav"
    )
    with wave.open(io.BytesIO(spoken.content)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 22050)
    samples = client.audio.speech.create(
        model="piper", voice="joe", input="Hello!", response_format="pcm", speed=2.0
    )
    assert samples.response.headers["content-type"] == "audio/pcm"
    assert 0 < len(samples.content) < len(spoken.content)


def test_sound_is_streamed(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="piper", voice="joe", input="One. Two. Three.", response_format="wav"
    ) as spoken:
        chunks = list(spoken.iter_bytes())
    assert chunks[0].startswith(b"RIFF")
    assert sum(map(len, chunks)) > 10_000


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_texts_have_vectors(client: openai.OpenAI, encoding: str) -> None:
    texts = ["a person eats a meal", "somebody has dinner", "an HTTP error"]
    more = {"encoding_format": encoding} if encoding == "float" else {}
    made = client.embeddings.create(model="all-minilm-l6-v2", input=texts, **more)  # type: ignore[arg-type]
    vectors = [one.embedding for one in made.data]
    assert [len(vector) for vector in vectors] == [384] * 3
    near, far = (dot(vectors[0], vectors[at]) for at in (1, 2))
    assert near > far
    assert made.usage.prompt_tokens == 11


def test_one_text_has_a_short_vector(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="m", input="an owl", dimensions=64)
    assert len(made.data[0].embedding) == 64


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["piper", "all-minilm-l6-v2"]


def test_what_does_not_fit_is_raised(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        client.audio.speech.create(model="p", voice="v", input="x", response_format="mp3")
    assert "takes one of wav, pcm" in raised.value.response.text


def test_another_key_is_refused(server: Server) -> None:
    base = f"{server.url}/v1"
    with (
        openai.OpenAI(base_url=base, api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
