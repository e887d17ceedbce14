"""One connection of the server in this process, on a transport that keeps what is written."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest
import uvloop

from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.overload import Reason, RefusalCounter
from adapters.asgi_server.server import ACCEPTS_PER_TURN, bind_listener, more_handles
from adapters.asgi_server.server_protocol import STARTS_MAX, GuardedConfig, GuardedProtocol
from adapters.asgi_server.server_state import GuardedState
from adapters.genesys_emulator.connection import close_without_answer

POST = b"POST /webhook HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"
TURNS = 20  # of the loop: more than any request here needs


class KeptTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def write_eof(self) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Application:
    """Reads the body and answers its length; /held answers when it may."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        length, more = 0, True
        while more:
            message = await receive()
            length += len(message["body"])
            more = message["more_body"]
        if scope["path"] == "/held":
            await self.may_answer.wait()
        text = b"read %d" % length
        headers = [(b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})


class Server:
    """What the connections of a process share, and the connections."""

    def __init__(self, app: Any, limits: ServerLimits) -> None:
        self.app = app
        self._config = GuardedConfig(
            app,
            limits=limits,
            http=GuardedProtocol,
            ws="none",
            log_config=None,
            server_header=False,
            proxy_headers=False,
        )
        self._config.load()
        self.state = GuardedState()

    def connect(self) -> "Sender":
        protocol = GuardedProtocol(self._config, self.state, {}, asyncio.get_running_loop())
        transport = KeptTransport()
        protocol.connection_made(transport)
        return Sender(protocol, transport)


class Sender:
    def __init__(self, protocol: GuardedProtocol, transport: KeptTransport) -> None:
        self.protocol = protocol
        self.transport = transport

    async def send(self, data: bytes) -> list[bytes]:
        """What is written in answer."""
        before = len(self.transport.written)
        self.protocol.data_received(data)
        await turns()
        return self.transport.written[before:]


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def in_loop(test: Callable[[Server], Awaitable[None]], loop: Any = None, **limits: Any) -> None:
    async def run() -> None:
        await test(Server(Application(), ServerLimits(body_bytes_max=1000, **limits)))

    with asyncio.Runner(loop_factory=lambda: loop or uvloop.new_event_loop()) as runner:
        runner.run(run())


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts the timers that are set."""

    timers = 0

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *arguments: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        self.timers += 1
        return super().call_at(when, callback, *arguments, context=context)


def test_a_request_sets_no_timer() -> None:
    async def many(server: Server) -> None:
        sender = server.connect()
        for _ in range(10):
            answer = b"".join(await sender.send(POST))
            assert answer.endswith(b"read 4")

    loop = CountingLoop()

    in_loop(many, loop)

    assert loop.timers == 0


def test_an_answer_of_known_length_is_one_write() -> None:
    async def test(server: Server) -> None:
        answers = await server.connect().send(POST)

        assert len(answers) == 1
        assert answers[0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert answers[0].endswith(b"\r\n\r\nread 4")

    in_loop(test)


def test_nothing_is_left_of_requests_that_were_answered() -> None:
    async def test(server: Server) -> None:
        sender = server.connect()
        for _ in range(3):
            await sender.send(POST)

        assert server.app.paths == ["/webhook"] * 3
        assert server.state.tasks == set()

    in_loop(test)


def test_the_emulator_can_close_a_connection_without_an_answer() -> None:
    closed: list[bool] = []

    async def app(_: Any, receive: Any, __: Any) -> None:
        closed.append(await close_without_answer(receive))

    async def test(_: Server) -> None:
        sender = Server(app, ServerLimits(body_bytes_max=1000)).connect()
        assert await sender.send(POST) == []
        assert sender.transport.closing
        sender.protocol.connection_lost(None)
        await turns()

        assert closed == [True]
        assert sender.transport.written == []

    in_loop(test)


def test_a_connection_that_is_late_is_found_by_looking_at_all_of_them() -> None:
    async def test(server: Server) -> None:
        idle, slow, waiting = (server.connect() for _ in range(3))
        await idle.send(POST)
        await slow.send(POST[:-1])
        await waiting.send(POST.replace(b"/webhook", b"/held"))
        soon, late = 15.0, 80.0  # the time for a body is over, then that for an idle connection
        now = asyncio.get_running_loop().time()

        server.state.close_what_is_late(now + soon - 10)
        assert not slow.transport.written
        server.state.close_what_is_late(now + soon + 10)
        assert slow.transport.written[0].startswith(b"HTTP/1.1 408 ")
        assert not idle.transport.closing
        server.state.close_what_is_late(now + late)
        assert idle.transport.closing
        assert not waiting.transport.closing
        server.app.may_answer.set()
        await turns()
        assert waiting.transport.written[0].endswith(b"read 4")

    in_loop(test)


# More than there is room for


HELD = POST.replace(b"/webhook", b"/held")
PROBE = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"


def test_a_request_over_the_limit_is_refused_and_the_next_is_taken_once_one_is_answered() -> None:
    async def test(server: Server) -> None:
        held = [server.connect() for _ in range(3)]
        for sender in held:
            assert await sender.send(HELD) == []
        more = server.connect()
        [refused] = await more.send(POST)
        server.app.may_answer.set()
        await turns()
        [served] = await more.send(POST)

        head, _, body = refused.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1" in head
        assert b"connection: close" not in head
        assert json.loads(body)["status"] == 503
        assert all(sender.transport.written[0].endswith(b"read 4") for sender in held)
        assert served.endswith(b"read 4")
        assert server.app.paths == ["/held", "/held", "/held", "/webhook"]

    in_loop(test, requests_under_way_max=3)


def test_few_requests_begin_in_one_turn_of_the_loop_so_that_a_refusal_need_not_wait_for_many() -> None:
    async def test(server: Server) -> None:
        begun: list[int] = []
        for _ in range(10 * STARTS_MAX):
            server.connect().protocol.data_received(POST)
        for _ in range(TURNS):
            begun.append(len(server.app.paths) - sum(begun))
            await asyncio.sleep(0)

        assert max(begun) == STARTS_MAX
        assert sum(begun) == 10 * STARTS_MAX
        assert server.state.starting == server.state.under_way == 0

    in_loop(test)


def test_requests_are_refused_while_others_have_waited_too_long_for_their_turn() -> None:
    async def test(server: Server) -> None:
        for _ in range(STARTS_MAX + 2):
            server.connect().protocol.data_received(POST)
        soon, late = server.connect(), server.connect()
        soon.protocol.data_received(POST)
        since, start = server.state.to_start[0]
        server.state.to_start[0] = (since - 1.1, start)
        late.protocol.data_received(POST)
        assert late.transport.written[0].startswith(b"HTTP/1.1 503 ")
        await turns()
        [answer] = await late.send(POST)

        assert soon.transport.written[0].endswith(b"read 4")
        assert answer.endswith(b"read 4")

    in_loop(test, request_wait_seconds_max=1.0)


def test_probes_are_answered_however_much_there_is() -> None:
    async def test(server: Server) -> None:
        await server.connect().send(HELD)
        [refused] = await server.connect().send(POST)
        [answer] = await server.connect().send(PROBE)

        assert refused.startswith(b"HTTP/1.1 503 ")
        assert answer.endswith(b"read 0")

    in_loop(test, requests_under_way_max=1, paths_always_answered=frozenset({"/health"}))


def test_the_body_of_a_refused_request_is_dropped_and_its_connection_goes_on() -> None:
    async def test(server: Server) -> None:
        await server.connect().send(HELD)
        sender = server.connect()
        assert await sender.send(POST[:-2]) == []
        [refused] = await sender.send(POST[-2:])
        refusals = await sender.send(POST * 3)
        server.app.may_answer.set()
        await turns()
        answers = await sender.send(POST * 3)

        assert refused.startswith(b"HTTP/1.1 503 ")
        assert [refusal[:13] for refusal in refusals] == [b"HTTP/1.1 503 "] * 3
        assert [answer[-6:] for answer in answers] == [b"read 4"] * 3
        assert server.app.paths == ["/held"] + ["/webhook"] * 3

    in_loop(test, requests_under_way_max=1)


def test_a_refused_request_whose_body_never_ends_is_not_read_for_ever() -> None:
    async def test(server: Server) -> None:
        await server.connect().send(HELD)
        sender = server.connect()
        await sender.send(b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + b"x" * 2000)
        server.state.close_what_is_late(asyncio.get_running_loop().time() + 2)

        assert sender.transport.written[0].startswith(b"HTTP/1.1 413 ")
        assert sender.protocol.transport.is_closing()

    in_loop(test, requests_under_way_max=1)


def test_one_who_asks_before_sending_a_body_is_refused_before_it_comes() -> None:
    async def test(server: Server) -> None:
        await server.connect().send(HELD)
        sender = server.connect()
        [refused] = await sender.send(POST[:-8] + b"\r\nExpect: 100-continue\r\n\r\n")

        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close" in refused

    in_loop(test, requests_under_way_max=1)


def test_a_body_that_has_not_arrived_takes_nobodys_place() -> None:
    async def test(server: Server) -> None:
        slow = [server.connect() for _ in range(5)]
        for sender in slow:
            await sender.send(POST[:-1])
        [answer] = await server.connect().send(POST)

        assert answer.endswith(b"read 4")
        assert server.state.under_way == 0

    in_loop(test, requests_under_way_max=1)


def test_a_place_is_given_back_by_a_sender_who_left() -> None:
    async def test(server: Server) -> None:
        gone = server.connect()
        await gone.send(HELD)
        assert server.state.under_way == 1
        gone.protocol.connection_lost(None)
        server.app.may_answer.set()
        await turns()

        assert server.state.under_way == 0

    in_loop(test, requests_under_way_max=1)


def test_refusals_are_counted_and_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[tuple[str, int]] = []
    refusals = RefusalCounter(lambda reason, number: counted.append((reason, number)))

    for second in range(21):
        for _ in range(100):
            refusals.count(Reason.REQUESTS)
        refusals.make_known(1000.0 + second)

    assert counted == [("requests", 100)] * 21
    assert [record.getMessage() for record in caplog.records] == [
        "overloaded, refused with 503: requests=100 connections=0",
        "overloaded, refused with 503: requests=1000 connections=0",
        "overloaded, refused with 503: requests=1000 connections=0",
    ]


def test_connections_over_the_limit_are_answered_at_once() -> None:
    async def test(server: Server) -> None:
        server.connect()
        refused = [server.connect() for _ in range(100)]

        for sender in refused:
            assert sender.transport.written[0].startswith(b"HTTP/1.1 503 ")

    in_loop(test, connections_max=1)


def test_further_handles_of_a_listener_take_from_the_same_queue() -> None:
    with bind_listener("127.0.0.1", 0) as listener, ExitStack() as stack:
        handles = [stack.enter_context(handle) for handle in more_handles(listener)]
        listener.listen()
        senders = [
            stack.enter_context(socket.create_connection(listener.getsockname(), timeout=20)) for _ in handles
        ]
        accepted = [stack.enter_context(handle.accept()[0]) for handle in handles]

        assert len(handles) == ACCEPTS_PER_TURN - 1
        assert {one.getpeername() for one in accepted} == {one.getsockname() for one in senders}


def test_further_handles_leave_a_listener_as_it_is_for_those_who_share_it() -> None:
    """A process that waits in accept answers nobody until the next connection comes."""
    with bind_listener("127.0.0.1", 0) as listener, ExitStack() as stack:
        serving = stack.enter_context(listener.dup())
        serving.setblocking(False)
        for handle in more_handles(listener):
            stack.enter_context(handle)

        assert not os.get_blocking(serving.fileno())
