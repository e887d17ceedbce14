"""One SQLite file, opened so that what is committed survives `kill -9` and a power cut."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.sqlite.schema import SchemaTooNew
from application.errors import StoreUnavailable

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
)

CACHED_STATEMENTS = 256
"""Those of a batch exist in every number of rows up to a lot; to prepare one takes longer than to run it."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """What SQLite and the file system raise becomes the application's error."""
    try:
        yield
    except (sqlite3.Error, OSError, SchemaTooNew) as error:
        advice = ": run session-keeper migrate" if str(error).startswith("no such table") else ""
        raise StoreUnavailable(f"SQLite: {error}{advice}") from error


class DatabaseFile:
    """A connection that belongs to one thread and is opened anew when the file has been put elsewhere."""

    def __init__(self, path: Path, *, busy_seconds: float, create: bool = False) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._create = create
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def connection(self) -> sqlite3.Connection:
        """A connection to the file that stands at the path now.

        Raises:
            sqlite3.Error, OSError: it cannot be opened. A file that has gone away is not made anew,
                since an empty database in its place would look like the loss of every session.
        """
        if self._connection is not None:
            found = self._path.stat()
            if (found.st_dev, found.st_ino) == self._identity:
                return self._connection
            self.close()
        mode = "rwc" if self._create else "rw"
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            timeout=self._busy_seconds,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            found = self._path.stat()
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, (found.st_dev, found.st_ino)
        return connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
