"""The online tables on a real PostgreSQL: set PACKSHOT_TEST_POSTGRES to the URL of a server (a database is made for each test)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from connectors.online.orders import Orders
from connectors.records import Records
from studio.errors import InputError, StorageUnavailable
from tests.online_contract import OnlineContract, new
from tests.online_parts_contract import OnlinePartsContract

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
RACER = """
import sys
from connectors.online.orders import NewOrder, Orders
print("ready", flush=True)
sys.stdin.readline()
orders = Orders(sys.argv[1])
many = [NewOrder("key", "standard", {}, "S", "t@1", idempotency_key=f"k{n}", request_digest="d") for n in range(1500)]
ids = orders.accept_many(many)
print(*ids)
print(sum(orders.publish(one, "s", place="folder", digest="d", path="x") for one in ids[:50]))
"""


@pytest.fixture
def url() -> Iterator[str]:
    server = os.environ.get("PACKSHOT_TEST_POSTGRES", "")
    if not server:
        if os.environ.get("CI") == "true":
            pytest.fail("PACKSHOT_TEST_POSTGRES is not set, and CI must not skip this")
        pytest.skip("PACKSHOT_TEST_POSTGRES is not set: no PostgreSQL server to test with")
    parsed = make_url(server).set(drivername="postgresql")
    name = f"packshot_{uuid4().hex}"
    admin = create_engine(parsed.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield parsed.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


class TestPostgres(OnlineContract, OnlinePartsContract):
    def test_nul_in_text_is_bad_input(self, orders: Orders) -> None:
        with pytest.raises(InputError):
            orders.accept(new(1, sku="a\0b"))
        with pytest.raises(InputError):
            orders.list(sku="a\0b")


def test_four_processes_make_the_tables_and_race(url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", RACER, url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda process: process.communicate("go\n", timeout=120)[0].splitlines(), processes))
    assert [process.returncode for process in processes] == [0] * 4
    assert len({ids for ids, _ in answers}) == 1, "all four were answered with the same 1500 orders"
    assert sum(int(published) for _, published in answers) == 50
    orders = Orders(url)
    assert orders.waiting() == {"urgent": 0, "standard": 1500}
    orders.close()


def test_records_share_the_database(url: str) -> None:
    orders, records = Orders(url), Records(url)
    orders.accept(new())
    records.start_run("r1", "autumn", {"n": 1})
    assert [run.settings for run in records.runs()] == [{"n": 1}]
    orders.close()
    records.close()


def test_a_server_that_is_not_there_is_worth_another_try(url: str) -> None:
    away = make_url(url).set(host="127.0.0.1", port=1).render_as_string(hide_password=False)
    with pytest.raises(StorageUnavailable):
        Orders(away).waiting()
