"""Who may call: users and tokens, where they are written down, and what guessing costs."""

import time
from pathlib import Path

import pytest
from harness.envelope import b64, envelope
from harness.program import run_owt
from harness.server import Serve, Server

CODE = "lambda: 'hello'"
TOKEN = "a-token-of-thirty-two-characters"


def hashed(home: Path, *options: str, secret: str) -> str:
    """Return what `owt hash` makes of a secret."""
    done = run_owt("hash", *options, home=home, stdin=f"{secret}\n")
    assert done.stderr == ""
    return done.stdout.strip()


def answer(server: Server, authorization: str) -> str:
    """Return what a call gets that shows this."""
    headers = {"Authorization": authorization}
    reply = server.send("POST", json=envelope(CODE), headers=headers)
    return reply.headers.get("Owt-Error") or reply.text


def basic(login: str) -> str:
    """Return how HTTP Basic authentication writes a user and a password."""
    return f"Basic {b64(login)}"


def test_several_users_may_call_by_their_passwords(serve: Serve, tmp_path: Path) -> None:
    ann = hashed(tmp_path, "ann", secret="open sesame")
    bob = hashed(tmp_path, "bob", "--argon2", secret="tr\u00f6t")
    for server in (serve("--auth", ann, "--auth", bob), serve(env={"OWT_AUTH": f"{bob},{ann}"})):
        assert answer(server, basic("ann:open sesame")) == "hello"
        assert answer(server, basic("bob:tr\u00f6t")) == "hello"
        assert answer(server, basic("ann:tr\u00f6t")) == "auth-required"


def test_a_file_of_users_is_read_again_when_it_changes(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("# Nobody yet\n")
    server = serve("--auth-file", str(file))
    assert answer(server, basic("ann:open sesame")) == "auth-required"
    users = [
        hashed(tmp_path, "ann", secret="open sesame"),
        hashed(tmp_path, "--token", secret=TOKEN),
    ]
    file.write_text("\n".join(users))
    assert answer(server, basic("ann:open sesame")) == "hello"
    assert answer(server, f"Bearer {TOKEN}") == "hello"
    mark = len(server.log)
    file.write_text("ann:open sesame\n")
    assert answer(server, f"Bearer {TOKEN}x") == "auth-required"
    server.log.wait_for("line 1 is wrong, it takes USER:HASH", since=mark)
    assert answer(server, f"Bearer {TOKEN}") == "hello"
    assert "sesame" not in server.log.since(0)


def test_a_file_that_cannot_be_read_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("ann:open sesame\n")
    done = run_owt("serve", "--port", "0", "--auth-file", "users", home=tmp_path)
    assert done.returncode == 5
    assert done.stderr == (
        "owt: error: cannot use users: line 1 is wrong, it takes USER:HASH, as owt hash USER "
        "prints it; the hash is SHA-256 in hex, or Argon2id as $argon2id$\u2026\n"
    )
    done = run_owt("serve", "--port", "0", "--auth-file", "nowhere", home=tmp_path)
    assert done.stderr == "owt: error: cannot use nowhere: No such file or directory (os error 2)\n"


def test_a_token_opens_to_programs_and_the_server_makes_one(tmp_path: Path) -> None:
    with Server.started("--token", "auto", home=tmp_path) as server:
        link = server.said.strip()
        prefix = f"http://127.0.0.1:{server.port}/#token="
        assert link.startswith(prefix)
        token = link.removeprefix(prefix)
        assert answer(server, f"Bearer {token}") == "hello"
        assert answer(server, f"bearer {token}x") == "auth-required"
        refused = server.send("GET", "/_owt/health")
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="owt"'
        call = ["call", "-", "--url", server.url]
        env = {"OWT_CLIENT_TOKEN": token}
        done = run_owt(*call, home=tmp_path, stdin=CODE, env=env)
        assert (done.returncode, done.stdout) == (0, "hello"), done.stderr
        assert token not in server.log.since(0)


def test_a_token_is_not_shown_by_the_server_that_was_given_it(tmp_path: Path) -> None:
    with Server.started(home=tmp_path, env={"OWT_TOKEN": TOKEN}) as server:
        assert server.said == ""
        assert answer(server, f"Bearer {TOKEN}") == "hello"
        assert answer(server, "Bearer hello") == "auth-required"


def test_a_token_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    done = run_owt("serve", "--port", "0", "--token", "sesame", home=tmp_path)
    assert done.returncode == 2
    assert "takes at least 20 letters, digits and marks" in done.stderr


@pytest.fixture
def guarded(serve: Serve, tmp_path: Path) -> Server:
    """Return a server of one user."""
    return serve("--auth", hashed(tmp_path, "ann", secret="open sesame"))


def test_guesses_are_slow_and_logged_by_their_address_alone(guarded: Server) -> None:
    guesses, began = 0, time.monotonic()
    with guarded.session() as session:
        while time.monotonic() < began + 2:
            session.auth = ("ann", f"sesame {guesses}")
            assert session.get(guarded.url, timeout=30).status_code == 401
            guesses += 1
    assert guesses < 10
    log = guarded.log.wait_for("wrong password or token from 127.0.0.1 (")
    assert "ann" not in log
    assert "sesame" not in log


def test_who_is_right_gets_in_whatever_others_guess_from_the_same_address(guarded: Server) -> None:
    with guarded.session() as session:
        session.auth = ("ann", "open sesame")
        assert session.post(guarded.url, json=envelope(CODE), timeout=30).text == "hello"
        for guess in range(6):
            assert answer(guarded, basic(f"ann:{guess}")) == "auth-required"
        began = time.monotonic()
        assert session.post(guarded.url, json=envelope(CODE), timeout=30).text == "hello"
        assert time.monotonic() - began < 0.4
    # A new connection waits as one that guesses does, but not for ever.
    assert answer(guarded, basic("ann:open sesame")) == "hello"
    assert 0.4 < time.monotonic() - began < 10
