"""What the workflow engine keeps of orders: arguments and results of their workflows, in its own database."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from studio.errors import StorageError

_TABLE = "workflow_status"


def forget_workflows(url: str, orders: Collection[str]) -> int:
    """Delete the workflows of these orders, all generations. Returns how many there were. Raises StorageError."""
    if not orders or not _exists(url):
        return 0
    from dbos import DBOSClient

    client = DBOSClient(system_database_url=_plain(url))
    try:
        found = [
            workflow.workflow_id
            for order in sorted(orders)
            for workflow in client.list_workflows(workflow_id_prefix=f"{order}.", load_input=False, load_output=False)
        ]
        if found:
            client.delete_workflows(found)
    except Exception as error:  # noqa: BLE001 - whatever the engine and its driver raise
        raise StorageError(f"workflows: {error}") from None
    finally:
        client.destroy()
    return len(found)


def _exists(url: str) -> bool:
    """Whether the engine ever made its tables there; nothing is made by asking."""
    parsed = make_url(_plain(url))
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        return False
    engine = create_engine(parsed if parsed.get_backend_name() == "sqlite" else parsed.set(drivername="postgresql+psycopg"))
    try:
        found = inspect(engine)
        return any(found.has_table(_TABLE, schema=schema) for schema in ((None,) if engine.name == "sqlite" else ("dbos",)))
    except Exception as error:  # noqa: BLE001 - whatever the driver raises
        raise StorageError(f"workflows: {error}") from None
    finally:
        engine.dispose()


def _plain(url: str) -> str:
    """The engine names its own PostgreSQL driver."""
    return "postgresql://" + url.partition("://")[2] if url.startswith("postgresql") else url
