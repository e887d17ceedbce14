"""What the demo counts, and how it is shown."""

from dataclasses import dataclass

from rich.table import Table


@dataclass(slots=True)
class Figures:
    """Attributes:
    events: webhooks sent.
    persisted: of them, those that changed a session (ends included).
    absorbed: of them, those that changed nothing: repeated or too late.
    failures: webhooks not answered with 200.
    synced: times that Genesys was told the newest state of a session.
    due: sessions whose sync is due now.
    calls: API calls that the emulator counted.
    rate_limited: of them, those answered with 429.
    right: sessions whose newest state the emulator holds; None: not compared yet.
    """

    events: int = 0
    persisted: int = 0
    absorbed: int = 0
    failures: int = 0
    sessions: int = 0
    synced: int = 0
    due: int = 0
    calls: int = 0
    rate_limited: int = 0
    right: int | None = None
    compared: int = 0

    def line(self) -> str:
        return (
            f"events {self.events} · persisted {self.persisted} · repeated or late {self.absorbed} · "
            f"failures {self.failures} · synced {self.synced} · due {self.due} · "
            f"calls {self.calls} · 429s {self.rate_limited}"
        )

    def table(self, title: str) -> Table:
        table = Table(title=title, title_justify="left", show_header=False)
        rows: list[tuple[str, object]] = [
            ("sessions", self.sessions),
            ("events sent", self.events),
            ("persisted", self.persisted),
            ("repeated or late, changed nothing", self.absorbed),
            ("failures", self.failures),
            ("Genesys told", self.synced),
            ("still due", self.due),
            ("calls spent", self.calls),
            ("answered with 429", self.rate_limited),
        ]
        if self.right is not None:
            rows.append(("newest state at Genesys", f"{self.right} of {self.compared} sessions"))
        for name, value in rows:
            table.add_row(name, str(value))
        return table
