"""How long the audit trail is."""

from application.ports import SessionStore


class CountAuditHandler:
    def __init__(self, *, store: SessionStore) -> None:
        self._store = store

    async def __call__(self) -> int:
        """Entries of all sessions; a large number may be an estimate."""
        return await self._store.audit_count()
