"""What a store package says of itself: how its URLs look, how it is opened and migrated, what it needs.

A store is registered in one line of `entrypoints.stores`; nothing else names one. Its `backend` module
imports neither a driver nor the store itself before it is opened, so that settings and help are quick and
a driver that is not installed hurts nobody who does not use it.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from adapters.storage.store_url import place_of
from application.ports.session_store import SessionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """Attributes:
    timeout_seconds: how long a caller waits before StoreUnavailable is raised.
    connections_max: to a server, in this process.
    batch_max: updates in one write.
    waiting_max: updates that wait; more are turned away at once.
    """

    timeout_seconds: float = 5.0
    connections_max: int = 8
    batch_max: int = 256
    waiting_max: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Attributes:
    kind: the scheme of its URLs, as it is shown.
    aliases: other schemes that mean the same.
    example: a URL in the form that is to be written, with capitals for what is to be filled in.
    pattern: what the whole URL has to match.
    place: the URL as it may be shown; for a file its absolute path, since which one it is depends on where
        the process was started.
    file: the file that it is in, absolute; None: it is in none.
    open: gives an open store. It raises StoreUnavailable when the URL or the place cannot be used.
    migrate: brings the schema to the newest version; gives what was done, in a few words.
    extra: what is to be installed with the service, as in `session-keeper[EXTRA]`.
    needs: the modules that are there once it is installed.
    is_shared: whether other processes can open the same store.
    warning: what is lost by nature, said at each start; None: nothing.
    """

    kind: str
    aliases: tuple[str, ...] = ()
    example: str
    pattern: str
    open: Callable[[str, StoreLimits], AbstractAsyncContextManager[SessionStore]]
    migrate: Callable[[str, StoreLimits], Awaitable[str]]
    extra: str | None = None
    needs: tuple[str, ...] = ()
    is_shared: bool = True
    warning: str | None = None
    place: Callable[[str], str] = place_of
    file: Callable[[str], Path | None] = lambda _: None

    @property
    def missing(self) -> str | None:
        """What is to be installed before it can be opened; None: nothing."""
        absent = [name for name in self.needs if find_spec(name) is None]
        if not absent:
            return None
        what = f"'session-keeper[{self.extra}]'" if self.extra else " ".join(absent)
        return f"{self.kind} needs {', '.join(absent)}: pip install {what}"


class UnknownKind(Exception):
    """There is no store of this kind; the message says which one may have been meant."""


class Backends:
    """The stores that there are, by the schemes of their URLs."""

    def __init__(self, *backends: Backend) -> None:
        self._by_scheme = {scheme: each for each in backends for scheme in (each.kind, *each.aliases)}
        self.all = backends

    @property
    def examples(self) -> str:
        *first, last = (each.example for each in self.all)
        return f"{', '.join(first)} or {last}"

    def of(self, url: str) -> Backend:
        """Raises UnknownKind."""
        scheme = scheme_of(url)
        if scheme in self._by_scheme:
            return self._by_scheme[scheme]
        said = f"there is no store of the kind {scheme!r}" if scheme else "it has no scheme"
        near = get_close_matches(scheme.partition("+")[0], self._by_scheme, n=1)
        raise UnknownKind(said + (f" (did you mean {near[0]}?)" if near else ""))


def scheme_of(url: str) -> str:
    """In small letters; empty when there is none, or something that cannot be one."""
    scheme, colon, _ = url.partition("://")
    fits = colon and scheme.isascii() and scheme[:1].isalpha()
    return scheme.lower() if fits and scheme.translate(_MARKS).isalnum() else ""


_MARKS = str.maketrans("", "", "+-.")
