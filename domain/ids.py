"""The names by which things are known."""

from typing import NewType

SessionId = NewType("SessionId", str)
PersistenceId = NewType("PersistenceId", str)
SubjectId = NewType("SubjectId", str)
ClaimToken = NewType("ClaimToken", str)
