"""The service's commands on a fresh installation: keys, senders of hooks, orders. Databases are SQLite files; no Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from connectors.online.keys import ApiKeys
from connectors.online.orders import NewOrder, Orders, OrderState
from serve_apps.cli import register
from studio.errors import PackshotError, SettingsError, Unauthenticated

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def packshot(*words: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, words)


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'home' / 'online.db'}"


def test_the_commands_are_part_of_packshot(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "keys", "revoke", "key_none"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error (not_found) no API key 'key_none'"]


def test_a_key_from_issue_to_revoke(tmp_path: Path) -> None:
    issued = packshot("keys", "issue", "shop", "--scope", "read", "--rate", "60", "--expires", "90d", "--json")
    assert issued.exit_code == 0, issued.stderr
    made = json.loads(issued.stdout)
    keys = ApiKeys(database(tmp_path))
    key = keys.verify(made["secret"])
    assert (key.id, key.scopes, key.rate_per_minute) == (made["id"], frozenset({"read"}), 60)
    assert key.expires is not None
    assert timedelta(days=89) < key.expires - datetime.now(UTC) < timedelta(days=91)
    listed = packshot("keys", "list")
    assert made["id"] in listed.stdout
    assert made["secret"] not in listed.stdout + (tmp_path / "home" / "online.db").read_bytes().decode(errors="replace")
    assert packshot("keys", "revoke", made["id"]).exit_code == 0
    with pytest.raises(Unauthenticated):
        keys.verify(made["secret"])


def test_the_secret_alone_is_on_stdout(tmp_path: Path) -> None:
    issued = packshot("keys", "issue", "me")
    assert ApiKeys(database(tmp_path)).verify(issued.stdout.strip()).scopes == {"write"}


def test_a_sender_of_hooks(tmp_path: Path) -> None:
    added = packshot("hooks", "add", "shop", "--template", "amazon-white", "--json")
    assert added.exit_code == 0, added.stderr
    secret = json.loads(added.stdout)["secret"]
    assert secret.startswith("whsec_")
    listed = packshot("hooks", "list", "--json")
    row = json.loads(listed.stdout)
    assert (row["name"], row["data"]) == ("shop", {"template": "amazon-white"})
    assert secret not in listed.stdout
    assert packshot("hooks", "remove", "shop").exit_code == 0
    assert packshot("hooks", "list", "--json").stdout == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["keys", "revoke", "key_none"], "not_found"),
        (["keys", "issue", "me", "--expires", "3y"], "invalid_input"),
        (["hooks", "add", "Not A Name"], "invalid_input"),
        (["hooks", "add", "shop", "--template", "no-such-look"], "unknown_template"),
        (["hooks", "add", "shop", "--key", "key_none"], "not_found"),
        (["orders", "show", "ord_none"], "not_found"),
        (["orders", "list", "--state", "lost"], "invalid_input"),
        (["serve", "--profile", "no-such-profile"], "invalid_settings"),
        (["serve", "--detach"], "invalid_settings"),
    ],
)
def test_what_is_wrong_has_a_code(words: list[str], code: str) -> None:
    error = packshot(*words).exception
    assert isinstance(error, PackshotError)
    assert error.code == code


def test_a_typo_in_a_profile_names_file_and_key(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nmodels: {u2netp: {max_replica: 3}}\n")
    error = packshot("serve", "--profile", "mine.yaml").exception
    assert isinstance(error, SettingsError)
    assert "mine.yaml" in error.message
    assert "u2netp.max_replica" in error.message


def test_dead_orders_are_found_looked_at_and_queued_again(tmp_path: Path) -> None:
    orders = Orders(database(tmp_path))
    wanted = {"key_id": "key_1", "spec": {"metadata": {}}, "template": "amazon-white@1", "trace": "0" * 32}
    dead, _ = orders.accept(NewOrder(sku="MUG-01", priority="urgent", **wanted))
    orders.accept(NewOrder(sku="MUG-02", priority="standard", **wanted))
    error = {"code": "fetch_failed", "message": "the shop did not answer"}
    orders.move(dead.id, OrderState.FAILED, error=error, event=("order.failed", {"order": dead.id}))
    listed = packshot("orders", "list", "--state", "failed", "--json")
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [dead.id]
    shown = json.loads(packshot("orders", "show", dead.id).stdout)
    assert (shown["error"], shown["state"]) == (error, "failed")
    assert "order.failed" in [event["type"] for event in shown["events"]]
    again = packshot("orders", "retry", dead.id)
    assert again.exit_code == 0, again.stderr
    assert (orders.get(dead.id).state, orders.get(dead.id).generation) == (OrderState.QUEUED, 1)
    assert isinstance(packshot("orders", "retry", dead.id).exception, PackshotError)
