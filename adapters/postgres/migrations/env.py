"""How alembic reaches the database: a connection that `adapters.postgres.migrate` hands over, or the URL."""

import asyncio
import os

from alembic import context

from adapters.postgres.migrate import run_in_transaction

connection = context.config.attributes.get("connection")
if connection is not None:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(run_in_transaction(os.environ["SESSION_KEEPER_STORE_URL"], context))
