import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Final
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_json import strict_json
from adapters.event_json.json_scanner import find_violations
from adapters.event_json.strict_json import InvalidJson, JsonLimits, decode_strictly
from domain.errors import Violation
from tests.scale import examples
from tests.unit.json_corpus import ACCEPTED, REFUSED

LIMITS: Final = JsonLimits()
TIGHT_LIMITS: Final = JsonLimits(
    depth_max=3, names_max=5, name_bytes_max=12, string_bytes_max=16, values_max=9, violations_max=4
)
MEBIBYTE: Final = 1 << 20
SECRET: Final = "s3cr3t-value"

LIKE_AN_EVENT: Final = (
    '{"eventId":"4f1c2e9e-0e12-4e16-9e99-b0a1c2d3e4f5","occurredAt":"2026-03-04T10:11:12.123Z",'
    '"context":{"customer":{"name":"Zoë Müller","note":"Called.\\nWants: a \\"callback\\"","score":12.5},'
    '"items":[{"sku":"A-1","count":2},{"sku":"B-2","count":-1}],"open":true,"agent":null}}'
).encode()


def outcome(
    decode: Callable[[bytes, JsonLimits], object], body: bytes, limits: JsonLimits
) -> str | tuple[Violation, ...]:
    try:
        return repr(decode(body, limits))
    except InvalidJson as error:
        return error.violations


def refusal(body: bytes, limits: JsonLimits = LIMITS) -> list[tuple[str, str]]:
    with pytest.raises(InvalidJson) as refused:
        decode_strictly(body, limits)
    return [(violation.pointer, violation.code) for violation in refused.value.violations]


def assert_every_path_agrees(body: bytes, limits: JsonLimits) -> None:
    answer = outcome(decode_strictly, body, limits)

    assert answer == outcome(strict_json._decode_exactly, body, limits)
    if isinstance(answer, str):
        assert answer == repr(msgspec.json.decode(body))
        assert find_violations(body, limits) == ()
    else:
        assert 1 <= len(answer) <= limits.violations_max
        assert find_violations(body, limits) == answer, "only msgspec refused this text"
        msgspec.json.encode(answer)


def test_numbers_that_are_slow_to_read_are_read_once() -> None:
    body = b'{"a":[' + b",".join([b"4.9406564584124654e-324"] * 5000) + b"]}"
    assert not strict_json._is_surely_clean(msgspec.json.decode(body), body, LIMITS), "takes the short way"

    with mock.patch.object(msgspec.json, "decode", wraps=msgspec.json.decode) as decode:
        decode_strictly(body, LIMITS)

    assert decode.call_count == 1


# -- generated texts ------------------------------------------------------------------------------------

SPACES = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n ", "  "])
PIECES = st.sampled_from(
    [
        *(
            "a",
            "b",
            "é",
            "😀",
            ":",
            " :",
            "\n:",
            "{",
            "}",
            "[",
            "]",
            ",",
            " ",
            r"\"",
            r"\":",
            r"\\",
            r"\/",
            r"\n",
        ),
        *(
            r"\u0000",
            r"\\u0000",
            r"\u003a",
            r"\u0061",
            r"\ud83d\ude00",
            r"\ud800",
            r"\udc00",
            r"\u202e",
            "\u202e",
        ),
        *("\x7f", "\u0085", "\u200b", "__proto__", r"\u005f_proto__", "constructor", "abcdefgh"),
    ]
)
STRINGS = st.lists(PIECES, max_size=4).map(lambda pieces: f'"{"".join(pieces)}"')
NAMES = st.one_of(
    st.sampled_from(['"a"', '"b"', '"\\u0061"', '""', '"__proto__"', '"é"', '"\\u00e9"']), STRINGS
)
NUMBERS = st.one_of(
    st.integers(-(2**54), 2**54).map(str),
    st.integers(2**53 - 3, 2**53 + 3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["-0", "1e400", "01", "1.", "9007199254740991.4", "9007199254740991.5", "NaN", "-", "1" * 4301]
    ),
)
SCALARS = st.one_of(STRINGS, NUMBERS, st.sampled_from(["true", "false", "null"]))


@st.composite
def arrays(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    inner = ",".join(draw(SPACES) + item + draw(SPACES) for item in draw(st.lists(items, max_size=5)))
    return f"[{inner}]"


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    members = draw(st.lists(st.tuples(NAMES, values), max_size=5))
    written = (f"{draw(SPACES)}{name}{draw(SPACES)}:{draw(SPACES)}{value}" for name, value in members)
    return "{" + ",".join(written) + draw(SPACES) + "}"


def containers(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(arrays(values), objects(values))


TEXTS = st.recursive(SCALARS, containers, max_leaves=20)
BODIES = st.builds(lambda before, text, after: (before + text + after).encode(), SPACES, TEXTS, SPACES)


@st.composite
def mutated_bodies(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(BODIES))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 2))] = draw(
            st.one_of(
                st.binary(max_size=2), st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b":", b","])
            )
        )
    return bytes(body)


NESTED_BODIES = st.builds(
    lambda pairs, inside, cut: (
        "".join(opening for opening, _ in pairs) + inside + "".join(close for _, close in reversed(pairs))
    )[: -cut or None].encode(),
    st.lists(st.sampled_from([("[", "]"), ('{"a":', "}"), ("[0,", "]"), ('{"b" :[', "]}")]), max_size=40),
    SCALARS,
    st.sampled_from([0, 0, 0, 1, 2]),
)

EVERY_BODY = st.one_of(BODIES, mutated_bodies(), NESTED_BODIES, st.binary(max_size=40))


@examples(400)
@given(body=EVERY_BODY)
def test_the_fast_path_agrees_with_the_exact_scan_and_with_msgspec(body: bytes) -> None:
    assert_every_path_agrees(body, LIMITS)


@examples(400)
@given(body=EVERY_BODY)
def test_the_paths_agree_under_tight_limits_too(body: bytes) -> None:
    assert_every_path_agrees(body, TIGHT_LIMITS)


@examples(300)
@given(body=st.binary(max_size=200))
def test_any_bytes_give_a_value_or_invalid_json_and_nothing_else(body: bytes) -> None:
    assert_every_path_agrees(body, LIMITS)


def test_msgspec_takes_no_bytes_for_utf_8_that_python_does_not() -> None:
    # the fast path leaves UTF-8 to msgspec
    sequences = [bytes([first, second]) for first in range(0x80, 0x100) for second in range(0x100)]
    sequences += [
        bytes([first, second, 0x80]) for first in range(0xE0, 0x100) for second in range(0x80, 0xC0)
    ]
    sequences += [
        bytes([lead, second, 0x80, 0x80]) for lead in range(0xF0, 0x100) for second in range(0x80, 0xC0)
    ]

    for sequence in sequences:
        for body in (b'["%s"]' % sequence, b'{"a%s":0}' % sequence):
            assert outcome(decode_strictly, body, LIMITS) == outcome(
                strict_json._decode_exactly, body, LIMITS
            )


# -- the corpus -----------------------------------------------------------------------------------------


def numbered(texts: list[bytes]) -> list[str]:
    return [f"{number} {text[:30]!a}" for number, text in enumerate(texts)]


@pytest.mark.parametrize("body", ACCEPTED, ids=numbered(ACCEPTED))
def test_valid_text_is_decoded_as_msgspec_decodes_it(body: bytes) -> None:
    assert repr(decode_strictly(body, LIMITS)) == repr(msgspec.json.decode(body))

    assert_every_path_agrees(body, LIMITS)


@pytest.mark.parametrize(("body", "expected"), REFUSED, ids=numbered([body for body, _ in REFUSED]))
def test_bad_text_is_refused_with_every_violation_in_order(
    body: bytes, expected: list[tuple[str, str]]
) -> None:
    assert refusal(body) == expected

    assert_every_path_agrees(body, LIMITS)


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (b'{"a":1,}', 7),
        (b'["ab\ncd"]', 4),
        (b'["a\\x"]', 3),
        (b"[1.x]", 2),
        (b"[1  2]", 4),
        ('["é",tru]'.encode(), 6),
    ],
)
def test_a_syntax_error_names_the_byte_it_is_at(body: bytes, offset: int) -> None:
    [violation] = find_violations(body, LIMITS)

    assert violation.detail == f"The text is not JSON (RFC 8259) at byte {offset}."


def test_a_text_that_ends_too_early_says_so() -> None:
    [violation] = find_violations(b'{"a": "b', LIMITS)

    assert violation.detail == "The text ends at byte 8, before its JSON value is complete."


def test_bytes_that_are_no_utf_8_are_named_by_their_place() -> None:
    [violation] = find_violations(b'{"a":"\xff"}', LIMITS)

    assert (violation.code, violation.detail) == ("invalid_utf8", "The text is not UTF-8 at byte 6.")


# -- what is reported -----------------------------------------------------------------------------------


def test_no_more_violations_are_reported_than_asked_for() -> None:
    body = b"[" + b'"\\u0000",' * 100 + b"0"

    assert refusal(body) == [(f"/{index}", "nul") for index in range(32)]


def test_pointers_escape_tilde_and_slash() -> None:
    assert refusal(b'{"a/b":{"m~n":{"~1":[0,1e99]}}}') == [("/a~1b/m~0n/~01/1", "number_out_of_range")]


def test_pointers_count_items_of_arrays_within_arrays() -> None:
    assert refusal(b'[[],[0,[],{"a":1}],{"a":[0,"\\u0000"]},"\\u0000"]') == [("/2/a/1", "nul"), ("/3", "nul")]


def test_details_hold_no_value_of_the_context() -> None:
    bodies = [
        f'{{"a":"{SECRET}","a":"{SECRET}\\u0000","b":"{SECRET}\\ud800","c":"{SECRET * 10}"}}',
        f'{{"a":"{SECRET}',
        f'{{"__proto__":{{"x":"{SECRET}","y":[[["{SECRET}"]]]}},',
        "[98765432109876543210, 98765e432]",
    ]

    for body in bodies:
        violations = find_violations(body.encode(), TIGHT_LIMITS)
        assert violations
        assert not any(SECRET in str(violation) or "98765" in str(violation) for violation in violations)


def test_a_shown_name_is_short_and_has_no_control_characters() -> None:
    name = "\\n\u202e\\ud800" + "x" * 5000
    violations = find_violations(f'{{"{name}":1}}'.encode(), LIMITS)

    assert [violation.code for violation in violations] == [
        "lone_surrogate", "control_character_name", "name_too_long"
    ]  # fmt: skip
    for violation in violations:
        assert "\\u000a\\u202e\\ud800" + "x" * 61 + "…" in violation.detail
        assert len(violation.pointer) < 300
        assert re.fullmatch(r"[ -~…]+", violation.pointer + violation.detail)


def test_details_are_sentences() -> None:
    for body, _ in REFUSED:
        for violation in find_violations(body, LIMITS):
            assert re.fullmatch(r"[A-Z].*\.", violation.detail, re.DOTALL)


# -- limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "fits", "breaks", "code"),
    [
        (JsonLimits(depth_max=1), b"[0]", b"[[]]", "too_deep"),
        (JsonLimits(names_max=2), b'[{"a":1},{"a":1}]', b'[{"a":1},{"a":1,"b":1}]', "too_many_names"),
        (JsonLimits(name_bytes_max=4), '{"éé":1}'.encode(), '{"ééa":1}'.encode(), "name_too_long"),
        (JsonLimits(string_bytes_max=4), '["éé"]'.encode(), '["ééa"]'.encode(), "string_too_long"),
        (JsonLimits(values_max=3), b"[1,2]", b"[1,2,3]", "too_many_values"),
    ],
)
def test_a_limit_is_the_largest_that_passes(
    limits: JsonLimits, fits: bytes, breaks: bytes, code: str
) -> None:
    assert decode_strictly(fits, limits) == msgspec.json.decode(fits)

    assert [code for _, code in refusal(breaks, limits)] == [code]


def test_limits_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="depth_max must be at least 1"):
        JsonLimits(depth_max=0)


def test_a_typical_event_takes_the_fast_path() -> None:
    document = msgspec.json.decode(LIKE_AN_EVENT)

    assert strict_json._is_small(LIKE_AN_EVENT, LIMITS)
    assert strict_json._is_surely_clean(document, LIKE_AN_EVENT, LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        b'{"at":"10:11:12","url":"https://example.org"}',
        b'{ "a" : "b" ,\n "c"\t:\r\n"d" }',
        rb'{"\"a\":":"\"","b":[":","\n:"],"\u0061b":{"\u003a":"\u0022"}}',
        rb'{"path":"C:\\","next":"\\\"","last":"\\u0061"}',
        b'{"a":["' + rb"\n" * 1_000 + b'"]}',
    ],
    ids=["colons", "white space", "escapes", "backslashes", "many escapes"],
)
def test_what_a_clean_text_is_written_with_sends_it_to_no_exact_scan(body: bytes) -> None:
    with mock.patch.object(strict_json, "find_violations") as scan:
        assert decode_strictly(body, LIMITS) == json.loads(body)

    assert not scan.called


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":0,"a":0}',
        rb'{"a":0,"\u0061":"\""}',
        rb'{"a":"\\","a":"\\"}',
        rb'{"x":"\"\"","a":0,"a":"\\"}',
        b'{"x":["' + rb"\n" * 1_000 + b'"],"a":0,"a":0}',
        b'{"a":{"b":"","c":[""]},"a":":"}',
    ],
)
def test_no_way_of_writing_hides_a_name_that_is_there_twice(body: bytes) -> None:
    assert [code for _, code in refusal(body)] == ["duplicate_name"]


HOSTILE: Final = {
    "arrays": b"[" * MEBIBYTE,
    "closed arrays": b"[" * (MEBIBYTE // 2) + b"]" * (MEBIBYTE // 2),
    "objects": b'{"a":' * (MEBIBYTE // 5),
    "backslashes": b'"' + b"\\" * MEBIBYTE,
    "escaped backslashes": b'"' + b"\\" * MEBIBYTE + b'"',
    "escapes": b'"' + b"\\u00e9" * (MEBIBYTE // 6) + b'"',
    "quotes": b'"' * MEBIBYTE,
    "digits": b"1" * MEBIBYTE,
    "fraction": b"1." + b"1" * MEBIBYTE,
    "exponent": b"1e-" + b"9" * MEBIBYTE,
    "minus signs": b"-" * MEBIBYTE,
    "items": b"[" + b"0," * (MEBIBYTE // 2) + b"0]",
    "empty objects": b"[" + b"{}," * (MEBIBYTE // 3) + b"0]",
    "one name again": b"{" + b'"a":0,' * (MEBIBYTE // 6) + b'"a":0}',
    "many names": b"{" + b",".join(b'"%x":0' % number for number in range(MEBIBYTE // 10)) + b"}",
    "a long name": b'{"' + b"n" * MEBIBYTE + b'":{"__proto__":[1e99,1e99]}}',
    "white space": b" " * MEBIBYTE,
    "colons": b":" * MEBIBYTE,
    "not UTF-8": b"\xff" * MEBIBYTE,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_mebibyte_takes_memory_of_its_own_order(body: bytes) -> None:
    tracemalloc.start()
    try:
        outcome(lambda *arguments: bool(decode_strictly(*arguments)), body, LIMITS)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 8 * len(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"context":{"a":[' + b"{}," * 9_000 + b"{}]}}",
        b"{" + b",".join(b'"v%d":[]' % number for number in range(2_000)) + b"}",
        b'{"a":[' + b",".join([b"[" * 20 + b"]" * 20] * 400) + b"]}",
        b'{"a":["' + b"{[" * 2_000 + b'"]}',
    ],
    ids=["many objects", "many variables", "many chains", "brackets in a text"],
)
def test_many_brackets_that_do_not_nest_deep_need_no_exact_scan(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(*_: object) -> tuple[()]:
        pytest.fail("it was scanned")

    monkeypatch.setattr(strict_json, "find_violations", scan)

    assert decode_strictly(body, JsonLimits()) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"":' * 1_025 + b"0" + b"}" * 1_025,
        b'{"":' * 1_025,
        b'{"":[' * 600 + b"0" + b"]}" * 600,
    ],
    ids=["arrays", "objects", "objects left open", "both"],
)
def test_brackets_that_nest_deep_are_scanned_before_they_are_decoded(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []
    monkeypatch.setattr(msgspec.json, "decode", decoded.append)

    with pytest.raises(InvalidJson):
        decode_strictly(body, JsonLimits())
    assert decoded == []
