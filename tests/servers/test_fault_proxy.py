import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.servers.postgres import PostgresServer
from tests.servers.processes import LOOPBACK
from tests.servers.proxy import FaultProxy, open_fault_proxy

NO_ANSWER_SECONDS = 0.05


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """In front of a server that answers every line with the same line in upper case."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line.upper())
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, LOOPBACK)
    port = server.sockets[0].getsockname()[1]
    async with server, open_fault_proxy(LOOPBACK, port) as proxy:
        yield proxy


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, line: bytes) -> bytes:
        self.writer.write(line)
        return await self.reader.readline()


@asynccontextmanager
async def connect(proxy: FaultProxy) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_everything_passes_and_is_counted(proxy: FaultProxy) -> None:
    async with connect(proxy) as client, connect(proxy) as other:
        answers = [await client.ask(b"one\n"), await other.ask(b"three\n")]

        assert answers == [b"ONE\n", b"THREE\n"]
        assert proxy.connections_accepted == 2
        assert proxy.connections_open == 2
        assert proxy.request_bytes == proxy.answer_bytes == 10


async def test_the_end_of_a_stream_passes(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"
        client.writer.write_eof()

        assert await client.reader.read() == b""


async def test_large_streams_pass_whole(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        lines = b"0123456789abcde\n" * 100_000
        client.writer.write(lines)

        assert await client.reader.readexactly(len(lines)) == lines.upper()


async def test_a_delay_is_taken_by_each_chunk_in_both_directions(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        proxy.delay(0.05)
        began = time.monotonic()
        answer = await client.ask(b"late\n")

        assert answer == b"LATE\n"
        assert time.monotonic() - began >= 0.1


async def test_healing_ends_a_delay_that_has_begun(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        proxy.delay(3600)
        asking = asyncio.create_task(client.ask(b"late\n"))
        await assert_no_answer(asking)
        proxy.heal()

        assert await asking == b"LATE\n"


async def test_a_black_hole_keeps_connections_open_and_passes_nothing(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"
        proxy.blackhole()
        asking = asyncio.create_task(client.ask(b"two\n"))
        await assert_no_answer(asking)
        async with connect(proxy) as newcomer:
            asking_too = asyncio.create_task(newcomer.ask(b"three\n"))
            await assert_no_answer(asking_too)

            assert proxy.connections_open == 2
            assert (proxy.request_bytes, proxy.answer_bytes) == (4, 4)

            proxy.heal()

            with pytest.raises(ConnectionResetError):
                await asking
            with pytest.raises(ConnectionResetError):
                await asking_too
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"


async def test_a_connection_that_lost_nothing_in_a_black_hole_goes_on(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"
        proxy.blackhole()
        proxy.heal()

        assert await client.ask(b"two\n") == b"TWO\n"


async def test_a_reset_cuts_open_connections_and_lets_new_ones_pass(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"
        proxy.reset()

        with pytest.raises(ConnectionResetError):
            await client.ask(b"two\n")
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"


async def test_refusing_meets_new_connections_only_until_the_port_is_restored(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"
        port = proxy.port
        proxy.refuse()

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(proxy.host, port)
        assert await client.ask(b"two\n") == b"TWO\n"

        proxy.restore()

        assert proxy.port == port
        async with connect(proxy) as newcomer:
            assert await newcomer.ask(b"three\n") == b"THREE\n"


async def test_a_cut_lets_so_much_of_one_answer_pass_and_happens_once(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        assert await client.ask(b"one\n") == b"ONE\n"
        proxy.cut_after(3)
        client.writer.write(b"two\nthree\n")

        assert await client.reader.readexactly(3) == b"TWO"
        with pytest.raises(ConnectionResetError):
            await client.reader.read()
    async with connect(proxy) as client:
        assert await client.ask(b"four\n") == b"FOUR\n"


async def test_a_cut_waits_for_the_request_it_is_meant_for(proxy: FaultProxy) -> None:
    async with connect(proxy) as client:
        proxy.cut_after(0, request_contains=b"commit")

        assert await client.ask(b"begin\n") == b"BEGIN\n"
        with pytest.raises(ConnectionResetError):
            await client.ask(b"commit\n")


async def test_an_absent_server_looks_like_a_reset() -> None:
    async with open_fault_proxy(LOOPBACK, 1) as proxy, connect(proxy) as client:
        with pytest.raises(ConnectionResetError):
            await client.ask(b"one\n")


async def test_a_row_is_committed_while_its_writer_sees_an_error(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    direct = await asyncpg.connect(postgres_database)
    await direct.execute("CREATE TABLE written (number int)")
    async with open_fault_proxy(postgres_server.host, postgres_server.port) as proxy:
        connection = await asyncpg.connect(proxy.url(postgres_database))
        proxy.cut_after(0, request_contains=b"COMMIT")

        with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
            async with connection.transaction():
                await connection.execute("INSERT INTO written VALUES ($1)", 1)
        assert await direct.fetchval("SELECT count(*) FROM written") == 1
        connection.terminate()
    await direct.close()


async def assert_no_answer(asking: asyncio.Task[bytes]) -> None:
    done, _ = await asyncio.wait([asking], timeout=NO_ANSWER_SECONDS)
    assert not done
