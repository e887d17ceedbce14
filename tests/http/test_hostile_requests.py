"""Whatever the bytes, never a 500."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.http.keeper import WEBHOOK, Keeper
from tests.scale import examples

any_text = st.text(st.characters(codec=None), max_size=12)
any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.integers(-(2**70), 2**70),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(any_text, values, max_size=4),
    max_leaves=12,
)
FIELDS: dict[str, list[Any]] = {
    "sessionId": ["s", "t", "a" * 128],
    "eventType": ["message", "session-ended", "session-expired"],
    "context": [{}, {"a": 1}, {"a": {"b": [1, "ü"]}}],
    "contextMode": ["replace", "merge"],
    "occurredAt": ["2026-01-01T12:00:00Z", "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00+23:59"],
    "ttlSeconds": [1, 60, 3600],
    "conversationId": ["c"],
    "participantId": ["p"],
    "subjectId": ["who"],
}
LEAVES = [
    None,
    True,
    False,
    0,
    -1,
    2**53,
    -(2**70),
    1e300,
    -0.0,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    "\x00",
]


def wrong_value(dice: random.Random, depth: int = 3) -> Any:
    """Anything that JSON can be made of, and some that it cannot."""
    kind = dice.randrange(5 if depth else 3)
    if kind == 0:
        return dice.choice(LEAVES)
    if kind == 1:
        return dice.choice([dice.randrange(-(2**70), 2**70), dice.uniform(-1e18, 1e18)])
    if kind == 2:
        return any_name(dice)
    if kind == 3:
        return [wrong_value(dice, depth - 1) for _ in range(dice.randrange(5))]
    return {any_name(dice): wrong_value(dice, depth - 1) for _ in range(dice.randrange(5))}


def any_name(dice: random.Random) -> str:
    """Of all planes, lone surrogates included."""
    return "".join(
        chr(dice.choice([dice.randrange(0x110000), dice.randrange(0x80)])) for _ in range(dice.randrange(9))
    )


def wrong_event(seed: int) -> dict[str, Any]:
    """An event of which some fields are right, some wrong and some missing.

    It is made from a seed and not drawn field by field: hypothesis mutates what has many like parts, and
    may do so without an end when all of its mutations were seen before.
    """
    dice = random.Random(seed)
    return {
        name: dice.choice(right) if dice.random() < 0.85 else wrong_value(dice)
        for name, right in FIELDS.items()
        if dice.random() < 0.8
    }


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
    event = {
        "sessionId": "s",
        "eventType": "message",
        "context": draw(st.dictionaries(any_text, any_value, max_size=5) | any_value),
        "ttlSeconds": 60,
    }
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


@examples(300)
@given(body=st.binary(max_size=200))
async def test_arbitrary_bytes_are_answered(keeper: Keeper, body: bytes) -> None:
    await check(keeper, body)


@examples(300)
@given(body=mutated_events())
async def test_mutilated_events_are_answered(keeper: Keeper, body: bytes) -> None:
    await check(keeper, body)


@examples(300)
@given(seed=st.integers(0, 2**64))
async def test_events_with_wrong_values_are_answered(keeper: Keeper, seed: int) -> None:
    body = json.dumps(wrong_event(seed), ensure_ascii=seed % 2 == 0)
    await check(keeper, body.encode("utf-8", "surrogatepass"))


@examples(300)
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
