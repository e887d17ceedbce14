"""FastAPI and asyncpg: one upsert and one audit row, in one statement. Runs in an environment of its own."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

CONTEXT_BYTES_MAX = 8192
PERSIST = Path(__file__).with_name("persist.sql").read_text()


class Event(BaseModel):
    sessionId: str  # noqa: N815
    eventType: str  # noqa: N815
    context: dict[str, Any] = {}


class Answer(BaseModel):
    sessionId: str  # noqa: N815
    outcome: str
    persistenceId: UUID  # noqa: N815
    byteSize: int  # noqa: N815
    expiresAt: datetime  # noqa: N815


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/webhook/messaging")
async def receive(event: Event, request: Request) -> Answer:
    serialized = json.dumps(event.context, ensure_ascii=False, separators=(",", ":"))
    byte_size = len(serialized.encode())
    if byte_size > CONTEXT_BYTES_MAX:
        raise HTTPException(400, f"context of {byte_size} bytes")
    persistence_id = uuid4()
    pool = request.app.state.pool
    expires_at = await pool.fetchval(
        PERSIST, event.sessionId, event.eventType, persistence_id, serialized, byte_size
    )
    return Answer(
        sessionId=event.sessionId,
        outcome="persisted",
        persistenceId=persistence_id,
        byteSize=byte_size,
        expiresAt=expires_at,
    )
