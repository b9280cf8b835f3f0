"""A mail server on loopback (RFC 5321, 3207, 4954): takes mail only over TLS and from who logs in, unless it is told otherwise."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailDouble:
    """`mails` that were taken; `refuse` answers everything after the greeting with 421."""

    tls: ssl.SSLContext | None = None
    user: str = ""
    password: str = ""
    refuse: bool = False
    port: int = 0
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)


class _Handler(socketserver.StreamRequestHandler):
    double: MailDouble

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self) -> None:
        self.secure, self.known, self.sender, self.to = self.double.tls is None, not self.double.user, "", list[str]()
        self.say("220 localhost ESMTP")
        while line := self.rfile.readline(2000).decode("ascii").strip():
            word, _, rest = line.partition(" ")
            if self.double.refuse:
                self.say("421 4.3.2 not now")
                return
            if word.upper() == "QUIT":
                self.say("221 bye")
                return
            getattr(self, "on_" + word.lower(), self.unknown)(rest)

    def unknown(self, _rest: str) -> None:
        self.say("502 5.5.1 no such command")

    def on_ehlo(self, _rest: str) -> None:
        said = [
            "localhost",
            *([] if self.secure else ["STARTTLS"]),
            *(["AUTH PLAIN"] if self.secure and self.double.user else []),
        ]
        for place, line in enumerate(said):
            self.say(f"250{' ' if place == len(said) - 1 else '-'}{line}")

    def on_starttls(self, _rest: str) -> None:
        assert self.double.tls is not None
        self.say("220 go ahead")
        self.connection = self.double.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.secure = True

    def on_auth(self, rest: str) -> None:
        method, _, given = rest.partition(" ")
        parts = base64.b64decode(given).split(b"\0")
        self.known = method == "PLAIN" and parts[1:] == [self.double.user.encode(), self.double.password.encode()]
        self.say("235 2.7.0 welcome" if self.known else "535 5.7.8 no")

    def on_mail(self, rest: str) -> None:
        if not (self.secure and self.known):
            self.say("530 5.7.0 first STARTTLS and AUTH")
            return
        self.sender, self.to = rest.partition("<")[2].partition(">")[0], []
        self.say("250 2.1.0 ok")

    def on_rcpt(self, rest: str) -> None:
        self.to.append(rest.partition("<")[2].partition(">")[0])
        self.say("250 2.1.5 ok")

    def on_data(self, _rest: str) -> None:
        if not (self.sender and self.to):
            self.say("503 5.5.1 first MAIL and RCPT")
            return
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.double.mails.append((self.sender, self.to, mail))
        self.say("250 2.0.0 taken")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what some tests are about."""


@contextmanager
def mail_server(double: MailDouble) -> Iterator[MailDouble]:
    """The server on a free port of 127.0.0.1."""
    with _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double})) as server:
        double.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
