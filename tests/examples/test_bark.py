"""Bark's example: the commands of the first owt's README, against a stand-in for the model."""

import ast
import re
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.browser import open_call
from harness.envelope import envelope
from harness.program import ROOT
from harness.server import Serve, Server
from harness.shell import Type, commands_of, typing_in
from playwright.sync_api import Page, expect

SAVE, CONSTRUCT, META, OPEN = commands_of(ROOT / "examples/bark/README.md")

# As the first owt's README prints them.
SEED_COMMANDS = [
    "./example/bark/bark.sh http://localhost:9876/file.wav "
    '"Hello world! This is a test." /tmp/output_file.wav',
    'bash -c "$(./example/bark/bark_construct_curl.sh http://localhost:9876) '
    "-s -o /dev/null -w '%{url}'\"",
    'bash -c "$(./example/bark/bark_meta_curl.sh http://localhost:9876) '
    "-s -o /dev/null -w '%{url}'\"",
]

STAND_IN = Path(__file__).parent / "stand_in"
BARK_PY = (ROOT / "examples/bark/bark.py").read_text()
BARK_HTML = (ROOT / "examples/bark/bark.html").read_text()

# What the stand-in hums for "Hello world!" and "This is a test.".
RATE = 24_000
FRAMES = round(12 * 0.01 * RATE) + round(15 * 0.01 * RATE)


@pytest.fixture(scope="module")
def bark(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server in the repository's root, which finds the stand-in before the package."""
    home, env = tmp_path_factory.mktemp("bark"), {"PYTHONPATH": str(STAND_IN)}
    options = ("--python", str(models), "--dependencies", "off", "--pool", "gpu:workers=1")
    with Server.started(*options, home=home, env=env, cwd=ROOT) as server:
        yield server


def cache_of(server: Server, **kwargs: str) -> str:
    """Return whether a text comes from the cache."""
    fields = envelope(BARK_PY, kwargs, use_cache=True, cache_kwargs=True)
    answer = server.send("POST", "/cached.wav", json=fields)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
    return answer.headers["Owt-Cache"]


def speak(page: Page, text: str) -> None:
    """Fill in a text, click, and wait until all of the sound is there."""
    page.get_by_role("textbox", name="Text").fill(text)
    page.get_by_role("button", name="Speak").click()
    page.wait_for_function("performance.getEntriesByName('whole').length > 0")


def test_the_commands_are_those_of_the_first_owt() -> None:
    assert [SAVE, CONSTRUCT, META] == SEED_COMMANDS


def test_all_sentences_are_saved_as_one_file(bark: Server, type_in: Type, tmp_path: Path) -> None:
    mark = len(bark.log)
    assert type_in(SAVE, bark) == f"Wrote {tmp_path}/output_file.wav\n"
    assert "generating sentence 2 of 2" in bark.log.since(mark)
    with wave.open(str(tmp_path / "output_file.wav")) as saved:
        assert saved.getframerate() == RATE
        assert len(saved.readframes(10 * RATE)) == 2 * FRAMES


def test_the_second_call_comes_from_the_cache(bark: Server, type_in: Type, tmp_path: Path) -> None:
    type_in(SAVE, bark)
    first = (tmp_path / "output_file.wav").read_bytes()
    mark = len(bark.log)
    type_in(SAVE, bark)
    assert (tmp_path / "output_file.wav").read_bytes() == first
    assert "generating" not in bark.log.since(mark)


def test_text_and_speaker_make_the_key_of_the_cache(bark: Server) -> None:
    one, other = "v2/en_speaker_1", "v2/en_speaker_2"
    assert cache_of(bark, text="A key.", speaker=one) == "miss"
    assert cache_of(bark, text="A key.", speaker=other) == "miss"
    assert cache_of(bark, text="Another key.", speaker=one) == "miss"
    assert cache_of(bark, text="A key.", speaker=one) == "hit"


def test_the_models_are_loaded_once(serve: Serve, models: Path) -> None:
    server = serve(
        *("--dependencies", "off", "--pool", "gpu:workers=1"),
        "--python",
        str(models),
        env={"PYTHONPATH": str(STAND_IN)},
    )
    for text in ("One.", "Two.", "Three."):
        assert server.call(BARK_PY, {"text": text}).status_code == 200
    assert server.log.since(0).count("the models that bark stands for are loaded") == 1


@pytest.mark.parametrize("command", [CONSTRUCT, META, OPEN], ids=["construct", "meta", "open"])
def test_the_page_speaks(bark: Server, type_in: Type, page: Page, command: str) -> None:
    open_call(page, type_in(command, bark).strip())
    expect(page).to_have_title("Bark · owt")
    speak(page, f"A sentence for {len(command)}. And one more.")
    expect(page.get_by_role("status")).to_contain_text("all of it is here.")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    # All that was received is heard in the end.
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    played, whole = re.findall(r"[\d.]+", page.locator("#time").inner_text())
    assert played == whole


def test_construct_puts_the_page_into_the_url_and_meta_does_not(
    bark: Server, type_in: Type
) -> None:
    constructed, meta = type_in(CONSTRUCT, bark), type_in(META, bark)
    assert constructed.startswith(f"{bark.url}/?code_b64=")
    assert len(constructed) > len(BARK_HTML)
    assert len(meta) < 1000
    assert list(parse_qs(urlsplit(meta).query)) == ["code_b64", "kwargs_b64"]


@pytest.mark.parametrize("command", [META, OPEN], ids=["meta", "open"])
def test_a_reload_shows_what_was_saved_in_the_file(
    serve: Serve, models: Path, page: Page, tmp_path: Path, command: str
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "example").symlink_to("examples")
    server = serve("--python", str(models), env={"PYTHONPATH": str(STAND_IN)}, cwd=tmp_path)
    open_call(page, typing_in(tmp_path, tmp_path)(command, server).strip())
    expect(page).to_have_title("Bark · owt")
    (tmp_path / "examples/bark/bark.html").write_text(BARK_HTML.replace("Bark · owt", "Woof"))
    page.reload()
    expect(page).to_have_title("Woof")


def test_an_unknown_speaker_is_said_in_the_page(bark: Server, type_in: Type, page: Page) -> None:
    open_call(page, type_in(OPEN, bark).strip())
    page.get_by_label("Speaker").evaluate("select => select.selectedOptions[0].value = 'nobody'")
    page.get_by_role("button", name="Speak").click()
    expect(page.get_by_role("status")).to_contain_text("ValueError: history prompt not found")


def functions_in(file: Path) -> dict[str, str]:
    """Return what can be given to each function of a module, without its types."""
    found = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
    for function in found:
        for argument in function.args.args:
            argument.annotation = None
    return {function.name: ast.unparse(function.args) for function in found}


def test_the_stand_in_has_the_interface_of_bark(models: Path) -> None:
    (package,) = models.glob("lib/python*/site-packages/bark")
    real = functions_in(package / "api.py") | functions_in(package / "generation.py")
    stand_in = functions_in(STAND_IN / "bark.py")
    assert stand_in == {name: real[name] for name in ("preload_models", "generate_audio")}
    assert f"SAMPLE_RATE = {RATE:_}\n" in (package / "generation.py").read_text()


def test_every_speaker_of_the_page_is_one_of_bark(models: Path) -> None:
    (prompts,) = models.glob("lib/python*/site-packages/bark/assets/prompts")
    speakers = re.findall(r'<option value="(.+?)"', BARK_HTML)
    assert len(speakers) > 1
    assert [speaker for speaker in speakers if not (prompts / f"{speaker}.npz").is_file()] == []
