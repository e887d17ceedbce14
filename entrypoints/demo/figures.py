"""What the demo counts, and how it is shown."""

from collections import deque
from dataclasses import dataclass, field

from rich.table import Table

SAMPLES = 20
GROWTH_WORTH_A_WORD = 10


@dataclass(slots=True)
class Figures:
    """Attributes:
    events: webhooks sent.
    persisted: of them, those that changed a session (ends included).
    absorbed: of them, those that changed nothing: repeated or too late.
    failures: webhooks not answered with 200.
    synced: times that the newest state of a session was delivered to Genesys.
    due: sessions whose delivery is due now.
    due_before: what `due` was at the last looks, oldest first.
    allowed: calls that Genesys allows in a minute.
    calls: API calls that the emulator counted.
    rate_limited: of them, those answered with 429.
    compared: sessions that were looked up at both sides; 0: not compared yet.
    differences: a line on each of them for which Genesys does not hold the newest state.
    expired: sessions that are not served any more, so there is nothing to compare.
    """

    events: int = 0
    persisted: int = 0
    absorbed: int = 0
    failures: int = 0
    sessions: int = 0
    synced: int = 0
    due: int = 0
    due_before: deque[int] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    allowed: int = 0
    calls: int = 0
    rate_limited: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)
    expired: int = 0

    @property
    def well(self) -> bool:
        """Whether everything went as it should."""
        return self.failures == 0 and not self.differences

    def line(self) -> str:
        return (
            f"events {self.events} · persisted {self.persisted} · repeated or late {self.absorbed} · "
            f"failures {self.failures} · delivered {self.synced} · due {self.due} · "
            f"calls {self.calls} · 429s {self.rate_limited}"
        )

    def remark(self) -> str | None:
        """Why `due` grows, while it does: that looks like a fault, and is the budget at work."""
        if not self.allowed or not self.due_before:
            return None
        if self.due - self.due_before[0] < GROWTH_WORTH_A_WORD:
            return None
        return (
            f"due grows: events come faster than the {self.allowed} calls a minute that Genesys allows. "
            "Nothing is lost: of each session the newest state is sent in turn. --rate N sends fewer events"
        )

    def table(self, title: str) -> Table:
        table = Table(title=title, title_justify="left", show_header=False)
        rows: list[tuple[str, object]] = [
            ("sessions", self.sessions),
            ("events sent", self.events),
            ("persisted", self.persisted),
            ("repeated or late, changed nothing", self.absorbed),
            ("failures", self.failures),
            ("delivered to Genesys", self.synced),
            ("still due", self.due),
            ("calls spent", self.calls),
            ("answered with 429", self.rate_limited),
        ]
        if self.compared:
            right = self.compared - len(self.differences)
            rows.append(("newest state at Genesys", f"{right} of {self.compared} sessions"))
        if self.expired:
            rows.append(("not compared", f"{self.expired} expired or not begun"))
        for name, value in rows:
            table.add_row(name, str(value))
        return table
