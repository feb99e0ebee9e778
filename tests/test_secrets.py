"""What a server keeps to itself: passwords, tokens and keys, which no adaptor and no log sees."""

import pytest
from harness.envelope import envelope
from harness.server import Serve, Server

# As `echo -n open sesame | sha256sum` prints it.
HASH = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"


@pytest.fixture(params=["environment", "option"])
def server(request: pytest.FixtureRequest, serve: Serve) -> Server:
    """Return a server that wants a password, which it was told in one of two ways."""
    secrets = {"OWT_AUTH": f"ann:{HASH}", "OWT_TOKEN": HASH, "OWT_URL_KEY": HASH}
    if request.param == "option":
        return serve("--auth", secrets["OWT_AUTH"])
    return serve(env=secrets)


def run(server: Server, code: str) -> str:
    """Return the answer to a call with the password."""
    return server.send("POST", json=envelope(code), auth=("ann", "open sesame")).text


def test_adaptors_see_that_there_is_a_password_but_not_its_hash(server: Server) -> None:
    assert run(server, "lambda: owt.args.auth") == "hidden"
    assert HASH not in run(server, "lambda: str(vars(args))")


def test_neither_workers_nor_their_children_have_secrets_in_their_environment(
    server: Server,
) -> None:
    assert run(server, "lambda: str(os.environ.get('OWT_AUTH'))") == "None"
    assert HASH not in run(server, "lambda: str(dict(os.environ))")
    assert HASH not in run(server, "shell('env')")


def test_a_server_within_is_not_open_where_the_outer_one_is_not(server: Server) -> None:
    code = """
        from multiprocessing import Process
        def run():
            inner = Process(target=owt.main, kwargs={'port': 0})
            inner.start()
            inner.join()
            return inner.exitcode
        """
    mark = len(server.log)
    assert run(server, code) == "1"
    server.log.wait_for("gives its passwords and keys to no adaptor", since=mark)
