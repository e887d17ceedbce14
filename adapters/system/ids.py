"""Generates unique ids and claim tokens from the operating system's randomness, and jitter."""

import random
import secrets
import uuid

from application.ports.runtime import IdGenerator
from domain.ids import ClaimToken, PersistenceId


class RandomIds(IdGenerator):
    def persistence_id(self) -> PersistenceId:
        return PersistenceId(str(uuid.uuid4()))

    def claim_token(self) -> ClaimToken:
        return ClaimToken(secrets.token_hex(8))

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, guards nothing
