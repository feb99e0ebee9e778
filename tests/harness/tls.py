"""A certificate for this machine, and connections over which HTTP/2 is spoken by hand."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from harness.server import Server
from harness.wire import connect


@dataclass(frozen=True)
class Files:
    """The files that a server and its clients need."""

    cert: Path
    key: Path
    authority: Path
    other_key: Path

    @classmethod
    def issued(cls, folder: Path) -> "Files":
        """Issue a certificate, by an authority of its own."""
        authority = trustme.CA()
        own = authority.issue_cert("localhost", "127.0.0.1")
        found = cls(*(folder / name for name in ("cert.pem", "key.pem", "ca.pem", "other.pem")))
        found.cert.write_bytes(b"".join(blob.bytes() for blob in own.cert_chain_pems))
        own.private_key_pem.write_to_path(str(found.key))
        authority.cert_pem.write_to_path(str(found.authority))
        authority.issue_cert("other").private_key_pem.write_to_path(str(found.other_key))
        return found

    @property
    def options(self) -> tuple[str, ...]:
        """The server's options."""
        return ("--tls-cert", str(self.cert), "--tls-key", str(self.key))


@contextmanager
def connect_http2(server: Server, files: Files) -> Iterator[ssl.SSLSocket]:
    """Open a connection for HTTP/2, over which nothing has been sent."""
    trusted = ssl.create_default_context(cafile=files.authority)
    trusted.set_alpn_protocols(["h2"])
    plain = connect(server)
    with plain, trusted.wrap_socket(plain, server_hostname="localhost") as tcp:
        yield tcp
