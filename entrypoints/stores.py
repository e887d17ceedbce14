"""The stores that there are. A new one is one more name in this line."""

from adapters.memory.backend import BACKEND as MEMORY
from adapters.postgres.backend import BACKEND as POSTGRESQL
from adapters.sqlite.backend import BACKEND as SQLITE
from adapters.storage.backend import Backends

STORES = Backends(MEMORY, SQLITE, POSTGRESQL)
