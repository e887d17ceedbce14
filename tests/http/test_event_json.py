"""Bodies that are not JSON that can be taken in, and those on the edge that are."""

import pytest

from tests.http.keeper import Keeper, pointers, problem

EVENT = b'{"sessionId":"s","eventType":"message","context":{%b}}'


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        (b"", {"": "invalid_json"}),
        (b" ", {"": "invalid_json"}),
        (b"{", {"": "invalid_json"}),
        (b"{}{}", {"": "invalid_json"}),
        (b"NaN", {"": "invalid_json"}),
        (b"sessionId=s", {"": "invalid_json"}),
        (b"\xef\xbb\xbf{}", {"": "invalid_json"}),
        (b'{"a":"\xff"}', {"": "invalid_utf8"}),
        (EVENT.decode().encode("utf-16"), {"": "invalid_utf8"}),
        (b'{"a":' * 33 + b"1" + b"}" * 33, {"/a" * 32: "too_deep"}),
        (b'{"a":1,"a":1}', {"/a": "duplicate_name"}),
        (b'{"a":1,"\\u0061":1}', {"/a": "duplicate_name"}),
        (EVENT % b'"a":9007199254740992', {"/context/a": "number_out_of_range"}),
        (EVENT % b'"a":-9007199254740992', {"/context/a": "number_out_of_range"}),
        (EVENT % b'"a":1e400', {"/context/a": "number_out_of_range"}),
        (EVENT % b'"a":"\\u0000"', {"/context/a": "nul"}),
        (EVENT % b'"a":"\\ud800"', {"/context/a": "lone_surrogate"}),
        (EVENT % b'"\\udfff":1', {"/context/\\udfff": "lone_surrogate"}),
        (EVENT % b'"__proto__":1', {"/context/__proto__": "dangerous_name"}),
        (EVENT % b'"a":{"constructor":1}', {"/context/a/constructor": "dangerous_name"}),
        (EVENT % b'"a":[{"prototype":1}]', {"/context/a/0/prototype": "dangerous_name"}),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else None,
)
async def test_what_is_wrong_with_a_body_is_named_with_its_place(
    keeper: Keeper, body: bytes, violations: dict[str, str]
) -> None:
    answer = await keeper.post_raw(body)

    assert pointers(answer, 400).items() >= violations.items()


async def test_everything_wrong_with_a_body_is_named_at_once(keeper: Keeper) -> None:
    answer = await keeper.post_raw(EVENT % b'"a":1e999,"b":"\\u0000","a":2,"prototype":3')

    assert pointers(answer, 400) == {
        "/context/a": "duplicate_name",
        "/context/b": "nul",
        "/context/prototype": "dangerous_name",
    }
    assert len(problem(answer, 400)["violations"]) == 4


@pytest.mark.parametrize(
    ("variables", "served"),
    [
        (b'"a":-0.0', b'"a":-0.0'),
        (b'"a":-0', b'"a":0'),
        (b'"a":1e-400', b'"a":0.0'),
        (b'"a":5e-324', b'"a":5e-324'),
        (b'"a":1E+2', b'"a":100.0'),
        (b'"a":9007199254740991', b'"a":9007199254740991'),
        (b'"":1', b'"":1'),
        (b'"\\ud83d\\ude00":"\\ud83d\\ude00"', '"😀":"😀"'.encode()),
        (b'"a":"\\u007f\\u2028/"', '"a":"\x7f\u2028/"'.encode()),
        (b'"a":[[],{}, [ ]]', b'"a":[[],{},[]]'),
    ],
    ids=repr,
)
async def test_values_on_the_edge_are_kept_as_one_canonical_text(
    keeper: Keeper, variables: bytes, served: bytes
) -> None:
    answer = await keeper.post_raw(EVENT % variables)

    assert answer.json()["byteSize"] == len(served) + 2
    assert b'"context":{' + served + b"}" in (await keeper.http.get("/sessions/s")).content
