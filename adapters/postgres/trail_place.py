"""Where a page of a trail ended, and which transactions it could see."""

import re
from dataclasses import dataclass

from adapters.storage.cursor import cursor_of, place_of
from application.errors import UnknownCursor
from domain.ids import SessionId

_PLACE = re.compile(r"(?P<place>[0-9]{1,18})@(?P<snapshot>[0-9]{1,18}:[0-9]{1,18}:[0-9,]*)")
SNAPSHOT_LENGTH_MAX = 1000
NOTHING_SEEN = "1:1:"


@dataclass(frozen=True, slots=True)
class TrailPlace:
    """`snapshot` is PostgreSQL's `pg_snapshot` as text: `xmin:xmax:xip,…`."""

    place: int
    snapshot: str

    @classmethod
    def of(cls, session_id: SessionId, cursor: str | None) -> "TrailPlace":
        """The beginning for None.

        Raises:
            UnknownCursor.
        """
        if cursor is None:
            return cls(0, NOTHING_SEEN)
        found = _PLACE.fullmatch(place_of(session_id, cursor))
        if found is None:
            raise UnknownCursor
        return cls(int(found["place"]), found["snapshot"])

    def cursor(self, session_id: SessionId) -> str:
        """With very many transactions under way, as if all since the oldest had not been seen.

        The next page then repeats what they wrote, rather than leave something out or be too long to ask for.
        """
        snapshot = self.snapshot
        if len(snapshot) > SNAPSHOT_LENGTH_MAX:
            oldest = snapshot.partition(":")[0]
            snapshot = f"{oldest}:{oldest}:"
        return cursor_of(session_id, f"{self.place}@{snapshot}")
