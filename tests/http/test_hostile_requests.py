"""Whatever the bytes, never a 500."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.keeper import WEBHOOK, Keeper

bounded = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

any_text = st.text(st.characters(codec=None), max_size=12)
any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.integers(-(2**70), 2**70),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(any_text, values, max_size=4),
    max_leaves=12,
)
moments = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.sampled_from(
    ["9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00+23:59", "2026-01-01T12:00:60Z"]
)
fields = {
    "sessionId": st.sampled_from(["s", "t", "a" * 128]) | any_value,
    "eventType": st.sampled_from(["message", "session-ended", "session-expired"]) | any_value,
    "context": st.dictionaries(any_text, any_value, max_size=5) | any_value,
    "contextMode": st.sampled_from(["replace", "merge"]) | any_value,
    "occurredAt": moments | st.integers() | st.floats() | any_value,
    "ttlSeconds": st.integers(1, 3600) | any_value,
    "conversationId": any_value,
    "participantId": any_value,
    "subjectId": any_value,
}
events = st.fixed_dictionaries({}, optional=fields)
header_bytes = st.binary(max_size=40).filter(lambda value: not set(value) & set(b"\r\n\x00"))
header_names = st.sampled_from(
    [
        *("authorization", "x-hub-signature-256", "content-type", "content-encoding", "content-length"),
        *("if-none-match", "accept", "cookie", "expect", "host", "x-forwarded-for", "transfer-encoding"),
    ]
)


@st.composite
def mutated_events(draw: st.DrawFn) -> bytes:
    """A valid event with some of its bytes removed, doubled or replaced."""
    event = {"sessionId": "s", "eventType": "message", "context": draw(fields["context"]), "ttlSeconds": 60}
    body = json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 8)))
        middle = draw(st.just(b"") | st.just(body[start:end] * 2) | st.binary(max_size=4))
        body = body[:start] + middle + body[end:]
    return body


async def check(keeper: Keeper, body: bytes) -> None:
    answer = await keeper.post_raw(body)
    if answer.status_code != 200:
        assert answer.status_code in {400, 413, 422}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        return
    session_id = answer.json()["sessionId"]
    served = await keeper.http.get(f"/sessions/{session_id}")
    assert served.status_code in {200, 404}
    if served.status_code == 200 and answer.json()["outcome"] == "persisted":
        context = served.json()["context"]
        canonical = json.dumps(context, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert len(canonical.encode()) == answer.json()["byteSize"]


@bounded
@given(body=st.binary(max_size=200))
async def test_arbitrary_bytes_are_answered(keeper: Keeper, body: bytes) -> None:
    await check(keeper, body)


@bounded
@given(body=mutated_events())
async def test_mutilated_events_are_answered(keeper: Keeper, body: bytes) -> None:
    await check(keeper, body)


@bounded
@given(event=events, ascii_only=st.booleans())
async def test_events_with_wrong_values_are_answered(
    keeper: Keeper,
    event: dict[str, Any],
    ascii_only: bool,  # noqa: FBT001 - drawn, not passed
) -> None:
    await check(keeper, json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@bounded
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"]),
    path=st.sampled_from([WEBHOOK, "/sessions/", "/sessions/s", "/sessions/s/audit", "/schema/assets/", "/"])
    | st.text(max_size=10).map("/sessions/{}".format)
    | st.text(max_size=10).map("/{}".format),
    more=st.text(max_size=5),
    query=st.binary(max_size=30) | st.binary(max_size=10).map(lambda value: b"after=" + value),
    headers=st.lists(st.tuples(header_names, header_bytes), max_size=5),
    body=st.binary(max_size=20),
)
async def test_strange_requests_are_answered(
    keeper: Keeper,
    method: str,
    path: str,
    more: str,
    query: bytes,
    headers: list[tuple[str, bytes]],
    body: bytes,
) -> None:
    status = await keeper.send_raw(
        method,
        path + more,
        {"type": "http.request", "body": body, "more_body": False},
        query=query,
        headers=[(name.encode(), value) for name, value in headers],
    )

    assert status < 500
