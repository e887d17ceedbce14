"""Types of identifiers: each is a string, and none stands for another."""

from typing import NewType

SessionId = NewType("SessionId", str)
PersistenceId = NewType("PersistenceId", str)
SubjectId = NewType("SubjectId", str)
ClaimToken = NewType("ClaimToken", str)
