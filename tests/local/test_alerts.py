"""Alerts from Alertmanager to people: each once, whatever fails on the way; nobody but who may."""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.alert_log import KEPT, AlertLog
from connectors.alerts import Alert, AlertMessage, AlertNotSent, AlertSettings, EmailChannel, WebhookChannel
from connectors.online.hook_secrets import new_secret
from connectors.online.keys import ApiKeys
from connectors.online.store import online
from serve_apps.alerts.desk import AlertDesk
from studio.errors import SettingsError
from tests import sample
from tests.doubles.smtp import MailDouble, mail_server
from tests.local.receiver import Receiver, receiving
from tests.local.running import running

START = datetime(2026, 11, 22, 18, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"
"""What Alertmanager says as the end of an alert that fires."""


def alert(name: str = "RunStuck", status: str = "firing", number: int = 1, **annotations: str) -> dict[str, Any]:
    said = {"summary": f"{name} is so", "runbook_url": "docs/runbooks/run-stuck.md", **annotations}
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "page"},
        "annotations": said,
        "startsAt": START.isoformat(),
        "endsAt": NEVER if status == "firing" else (START + timedelta(minutes=5)).isoformat(),
        "generatorURL": "http://prometheus/graph",
        "fingerprint": f"{number:016x}",
    }


def message(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {"version": "4", "groupKey": "{}", "receiver": "packshot", "status": "firing", "truncatedAlerts": 0, "alerts": alerts}


def parsed(*alerts: dict[str, Any]) -> tuple[Alert, ...]:
    return AlertMessage.model_validate(message(*alerts)).alerts


@pytest.fixture
def people() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ALERT_SECRET", made := new_secret())
    return made


def settings(folder: Path, people: Receiver, mails: MailDouble | None = None, path: str = "/alerts", **email: Any) -> Any:
    alerts: dict[str, Any] = {"webhook": people.url + path, "webhook_secret": "env:ALERT_SECRET", "private_webhook": True}
    if mails:
        mailing = {
            "server": "127.0.0.1",
            "port": mails.port,
            "security": "none",
            "sender": "p@shop.example",
            "to": ["o@shop.example"],
        }
        alerts["email"] = mailing | email
    return sample.settings(folder, monitoring={"alerts": alerts})


def bodies(people: Receiver, path: str = "/alerts") -> list[Any]:
    return [json.loads(one.body) for one in people.at(path)]


def test_people_are_told_once_and_told_when_it_is_over(tmp_path: Path, people: Receiver, secret: str) -> None:
    with mail_server(MailDouble()) as mails:
        desk = AlertDesk(settings(tmp_path, people, mails))
        firing, other, over = parsed(alert(), alert("OrdersDead", number=2), alert(status="resolved"))
        assert desk.take([firing, other]) == 4
        assert desk.take([firing, other]) == 0
        assert desk.log.firing() == sorted([firing, other], key=lambda one: one.fingerprint)
        assert desk.take([over, other]) == 2
        assert [one.name for one in desk.log.firing()] == ["OrdersDead"]
    assert [(one["type"], one["data"]["labels"]["alertname"]) for one in bodies(people)] == [
        ("alert.firing", "RunStuck"),
        ("alert.firing", "OrdersDead"),
        ("alert.resolved", "RunStuck"),
    ]
    for one in people.at("/alerts"):
        assert standardwebhooks.Webhook(secret).verify(one.body, one.headers)
    subjects = [mail["subject"] for _, _, mail in mails.mails]
    assert subjects == ["Packshot: RunStuck and 1 more", "Packshot: RunStuck"]
    assert "[firing] OrdersDead: OrdersDead is so (docs/runbooks/run-stuck.md)" in mails.mails[0][2].get_content()


def test_a_channel_that_fails_is_tried_again_and_the_other_is_not(tmp_path: Path, people: Receiver, secret: str) -> None:
    with mail_server(MailDouble()) as mails:
        desk = AlertDesk(settings(tmp_path, people, mails))
        people.failures["/alerts"] = [204, 500]
        three = parsed(*(alert(number=number) for number in range(3)))
        with pytest.raises(AlertNotSent, match="webhook"):
            desk.take(three)
        assert len(mails.mails) == 1
        assert desk.take(three) == 2
        mails.refuse = True
        (more,) = parsed(alert("BudgetSpent", number=9))
        with pytest.raises(AlertNotSent, match="email"):
            desk.take([more])
        mails.refuse = False
        assert desk.take([more]) == 1
    assert len(mails.mails) == 2
    ids = [one.headers["webhook-id"] for one in people.at("/alerts")]
    assert (len(ids), len(set(ids))) == (5, 4)


def test_nothing_that_an_alert_says_becomes_a_header(tmp_path: Path, people: Receiver, secret: str) -> None:
    with mail_server(MailDouble()) as mails:
        desk = AlertDesk(settings(tmp_path, people, mails))
        desk.take(parsed(alert("Evil\r\nBcc: thief@example.com", summary="one\n.\nRCPT TO:<thief@example.com>")))
    ((_, to, mail),) = mails.mails
    assert (to, mail["bcc"]) == (["o@shop.example"], None)
    assert len(mail.get_content().strip().splitlines()) == 1


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's context for 127.0.0.1; `ca.pem` is whom to trust for it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def test_mail_goes_over_tls_to_a_server_that_proves_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    double = MailDouble(tls=certificate(tmp_path), user="packshot", password="correct horse")
    said: dict[str, Any] = {"server": "127.0.0.1", "user": "packshot", "password": f"file:{tmp_path / 'password'}"}
    said |= {"sender": "p@shop.example", "to": ["o@shop.example"]}
    with mail_server(double):
        email = AlertSettings.model_validate({"email": said | {"port": double.port}}).email
        assert email
        channel = EmailChannel(email)
        assert channel.tell(parsed(alert()), now=START) == []
        assert "CertVerification" in channel.problem
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert len(channel.tell(parsed(alert()), now=START)) == 1
        (tmp_path / "password").write_text("wrong")
        assert channel.tell(parsed(alert()), now=START) == []
        assert "horse" not in channel.problem + repr(email)
    assert len(double.mails) == 1


def test_secrets_are_references(tmp_path: Path, people: Receiver) -> None:
    with pytest.raises(SettingsError, match="env:NAME or file:/path") as error:
        sample.settings(tmp_path, monitoring={"alerts": {"webhook": people.url, "webhook_secret": "whsec_abc"}})
    assert "whsec_abc" not in str(error.value)
    tree = settings(tmp_path, people).model_dump(mode="json")
    assert tree["monitoring"]["alerts"]["webhook_secret"] == "env:ALERT_SECRET"
    with pytest.raises(SettingsError, match="webhook_secret"):
        WebhookChannel(settings(tmp_path, people).monitoring.alerts).tell(parsed(alert()), now=START)


def test_a_secret_that_is_not_there_keeps_no_other_channel_from_telling(tmp_path: Path, people: Receiver) -> None:
    with mail_server(MailDouble()) as mails:
        desk = AlertDesk(settings(tmp_path, people, mails))
        with pytest.raises(AlertNotSent, match="webhook"):
            desk.take(parsed(alert()))
    assert (len(mails.mails), people.got) == (1, [])


def test_over_http(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        with service.client("reader") as http:
            assert http.post("/v1/alerts", json=message(alert())).status_code == 403
            assert http.get("/v1/alerts").json() == {"items": []}
        with service.client("writer") as http:
            assert http.post("/v1/alerts", json=message(alert(), alert("Other", number=2))).json() == {"told": 0}
            for wrong in ({"version": "3", "alerts": []}, message(alert() | {"fingerprint": "../"}), {}, []):
                assert http.post("/v1/alerts", json=wrong).status_code == 422
            assert http.post("/v1/alerts", json=message(*[alert()] * 1001)).status_code == 422
            (first, _) = http.get("/v1/alerts").json()["items"]
        assert (first["name"], first["severity"], first["since"]) == ("RunStuck", "page", "2026-11-22T18:00:00Z")
        with service.client("") as http:
            assert http.get("/v1/alerts").status_code == 401


def test_what_is_over_is_forgotten_after_a_month(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'online.db'}"
    assert ApiKeys(online(url)).issue("a", {"read"})
    log, now = AlertLog(url), datetime.now(UTC)
    firing, over = parsed(alert(number=1), alert(status="resolved", number=2))
    log.keep([firing, over], now=now - KEPT - timedelta(days=1))
    log.tell([over], "webhook", now=now - KEPT - timedelta(days=1))
    assert log.untold([over], "webhook") == []
    log.keep([], now=now)
    assert log.untold([over], "webhook") == [over]
    assert log.firing() == [firing]
    log.close()
