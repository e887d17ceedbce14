# ruff: noqa: E501, Q000, Q003 - a table of texts, as dense as it can be read
"""Texts that JSON parsers are known to get wrong, in one place: what is refused, as what, and where.

`ACCEPTED` are valid texts. `REFUSED` are (text, [(pointer, code), ...]), every violation in document order,
under the default limits.
"""

NOT_JSON = [("", "invalid_json")]
NOT_UTF8 = [("", "invalid_utf8")]


def nested(depth: int, *, inside: bytes = b"") -> bytes:
    return b"[" * depth + inside + b"]" * depth


def named(*names: str) -> bytes:
    return ("{" + ",".join(f'"{name}":0' for name in names) + "}").encode()


ACCEPTED: list[bytes] = [
    # values and structure
    b"0", b"null", b"true", b"false", b'""', b"[]", b"{}", b"[[],{}]", b'{"":""}', b'{"a":{"a":{"a":[]}}}',
    b'[{"a":1},{"a":2}]', b'{"a":1,"A":2}', b'{"a b":1,"a:b":2}', b'{"\\"a":1,"a":2}', b'{"__proto":1,"proto__":2}',
    b'{"x":"__proto__","y":"constructor"}', b'{"Constructor":1}', nested(32), nested(31, inside=b'{"a":1}'),
    b'{"a":":","b":"\\":","c":" :","d":"{[}]"}', b'{"a" : 1 , "b":2}', b'{"a"\n:1,"b"\t:\r2}', b"[" + b"[]," * 1100 + b"0]",
    # numbers
    b"-0", b"-0.0", b"0e0", b"0E+00", b"1e5", b"1E-5", b"1.5e+3", b"0e400", b"1e-400", b"123456789012345",
    b"9007199254740991", b"-9007199254740991", b"9007199254740991.0", b"9007199254740991.4", b"0.1e1",
    b"90071992547409910e-1", b"1." + b"3" * 5000, b"0." + b"0" * 5000 + b"1", b"1e" + b"0" * 5000 + b"2",
    # strings
    b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', b'"\\u0041\\u00e9\\u20AC"', b'"\\uD83D\\uDE00"', b'"\\ud83d\\ude00"', b'"\\\\u0000"',
    b'"\\\\ud800"', b'"\\u0001\\u001f"', b'"\x7f"', "\"\u0080\u200b\u202e\u2066\ufeff\u2028\uffff\"".encode(), "\"é€😀\"".encode(),
    b'"/* no comment */"', b'"a\\\\"', b'"' + b"\\\\" * 30_000 + b'"', b'"' + b"s" * 65536 + b'"',
    # names
    named("n" * 256), named("é" * 128), "{\"é\":1,\"e\u0301\":2}".encode(), named("\u200b", "\u00a0", "\u200e"), named("NUL"),
    # white space
    b" \t\r\n0 \t\r\n", b' { "a" : [ 1 , 2 ] } ', b"[\n]\n", b" " * 5000 + b"1", b"[1]" + b"\n" * 5000,
]  # fmt: skip

REFUSED: list[tuple[bytes, list[tuple[str, str]]]] = [
    # not a text, or not one text
    *((text, NOT_JSON) for text in [
        b"", b" ", b"\n\t\r ", b"\x00", b"0\x00", b"1 2", b"[][]", b"{}{}", b"[]]", b"{}}", b'""""', b"nullnull", b"1true",
        b"\xef\xbb\xbf{}", b"{}\xef\xbb\xbf", b"\x0c1", b"1\x0b", b"\xc2\xa01", b"\xe2\x80\xa8[]", b"// a\n1", b"/* a */1",
        b"[1 /* a */]", b"# a\n1", b"1;", b"\x1e{}\n", b")]}',\n{}", b"a", b"'a'", b"`a`", b"undefined", b"True", b"NULL", b"nul", b"tru",
    ]),
    # structure
    *((text, NOT_JSON) for text in [
        b"[", b"]", b"{", b"}", b"[}", b"{]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[,]", b"[1,,2]", b"[1 2]", b"[1:2]", b'["a":1]', b"[1}", b",", b":",
        b"{,}", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{,"a":1}', b'{"a":1,,"b":2}', b'{"a" 1}', b'{"a"::1}', b'{"a":1:2}', b'{"a":1 "b":2}', b'{"a":1]',
        b"{1:2}", b"{null:1}", b"{a:1}", b"{'a':1}", b"{[]:1}", b'{"a":"b"', b'{"a"', b'{"a":', b'{"a","b"}', b'{:1}', b"[...]", b"(1)", b"<1>",
    ]),
    # numbers
    *((text, NOT_JSON) for text in [
        b"-", b"+1", b"--1", b"- 1", b"01", b"-01", b"00", b"00.5", b".5", b"-.5", b"5.", b"5.e1", b"1e", b"1e+", b"1e-", b"1E", b"1ee1", b"1e1.5", b"1.2.3",
        b"0x1", b"0b1", b"0o7", b"1_000", b"1,000", b"1 000", b"1.0f", b"1L", b"1n", b"NaN", b"-NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"1/2", b"5%",
        "１".encode(), "٣".encode(), "1²".encode(), "∞".encode(), "−1".encode(),
    ]),
    *((text, [("", "number_out_of_range")]) for text in [
        b"9007199254740992", b"-9007199254740992", b"9007199254740992.0", b"9007199254740993.0", b"9007199254740991.5", b"1e16", b"-1e16", b"1e300", b"1e400",
        b"-1e400", b"12345678901234567890", b"1" * 4300, b"1" * 4301, b"-" + b"9" * 50_000, b"1e" + b"9" * 5000, b"1" * 400 + b".5", b"0.1e309",
    ]),
    (b'[1,{"a":[0,1e999]},9007199254740992]', [("/1/a/1", "number_out_of_range"), ("/2", "number_out_of_range")]),
    # strings
    *((text, NOT_JSON) for text in [
        b'"', b'"a', b'a"', b'"\\"', b'"\\', b'"\n"', b'"\t"', b'"\x00"', b'"\x1f"', b'{"a\nb":1}', b'"\\x41"', b'"\\a"', b'"\\0"', b'"\\\'"', b'"\\\n"', b'"\\u"', b'"\\u1"',
        b'"\\u12"', b'"\\u123"', b'"\\u123g"', b'"\\u+123"', b'"\\u 123"', b'"\\U0041"', b'"\\u{41}"', b'"\\\xc3\xa9"', "\"\\u００41\"".encode(), "“a”".encode(), b'"a""b"', b'"a"b"',
    ]),
    (b'"\\u0000"', [("", "nul")]),
    (b'["a\\u0000b","\\\\\\u0000"]', [("/0", "nul"), ("/1", "nul")]),
    (b'{"a\\u0000":1}', [("/a\\u0000", "nul")]),
    *((text, [("", "lone_surrogate")]) for text in [
        b'"\\ud800"', b'"\\udfff"', b'"\\uDBFFx"', b'"\\ud800\\ud800"', b'"\\udc00\\ud800"', b'"\\ud800\\u0041"', b'"\\ud800\\n"', b'"\\ud83d\\ude00\\ude00"', b'"\\ud83d\\\\ude00"',
    ]),
    (b'{"\\ud800":1}', [("/\\ud800", "lone_surrogate")]),
    (b'["' + b"s" * 65537 + b'"]', [("/0", "string_too_long")]),
    (b'["' + "é".encode() * 32769 + b'"]', [("/0", "string_too_long")]),
    (b'["' + b"\\u00e9" * 32769 + b'"]', [("/0", "string_too_long")]),
    (b'["' + b'\\"' * 65537 + b'"]', [("/0", "string_too_long")]),
    # encodings
    *((text, NOT_UTF8) for text in [
        b"\xff", b'"\xff"', b'"\x80"', b'"\xc3"', b'"\xc3\xc3"', b'"\xe2\x82"', b'"\xf0\x9f\x98"', b'"\xc0\x80"', b'"\xc0\xaf"', b'"\xe0\x80\xaf"', b'"\xf0\x80\x80\xaf"', b'"\xed\xa0\x80"',
        b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xe9"', b'{"\xe9":1}', b'{"a":1}\xff', b'{"a":1,"a":2,"\xff', '"a"'.encode("utf-16"), '"a"'.encode("utf-32"),
    ]),
    *((text, NOT_JSON) for text in ['"a"'.encode("utf-16-le"), '"a"'.encode("utf-16-be"), '"a"'.encode("utf-32-be")]),
    # names
    (b'{"a":1,"a":1}', [("/a", "duplicate_name")]),
    (b'{"a":1,"a" :2}', [("/a", "duplicate_name")]),
    (b'{"a":1,"a"\n:2}', [("/a", "duplicate_name")]),
    (b'{"a":1,"\\u0061":2,"a":3}', [("/a", "duplicate_name"), ("/a", "duplicate_name")]),
    (b'{"":1,"":2}', [("/", "duplicate_name")]),
    (b'{"/":1,"\\/":2}', [("/~1", "duplicate_name")]),
    (b'{"a":"\\u003a","a":1}', [("/a", "duplicate_name")]),
    (b'{"a":":","b":{"~":1,"~":2}}', [("/b/~0", "duplicate_name")]),
    (b'{"a":{"x":1,"x":2},"a":{"x":1}}', [("/a/x", "duplicate_name"), ("/a", "duplicate_name")]),
    ("{\"é\":1,\"\\u00e9\":2}".encode(), [("/é", "duplicate_name")]),
    (b'[{"__proto__":1}]', [("/0/__proto__", "dangerous_name")]),
    (b'{"a":[{"constructor":{"prototype":1}}]}', [("/a/0/constructor", "dangerous_name"), ("/a/0/constructor/prototype", "dangerous_name")]),
    (b'{"\\u005f_proto_\\u005F":1}', [("/__proto__", "dangerous_name")]),
    (named("n" * 257), [("/" + "n" * 256 + "…", "name_too_long")]),
    (named("é" * 129), [("/" + "é" * 129, "name_too_long")]),
    *((named(f"a{control}"), [(f"/a\\u{ord(control):04x}", "control_character_name")]) for control in "\x7f\x80\x9f\u202a\u202e\u2066\u2069"),
    (b'{"a\\nb":1}', [("/a\\u000ab", "control_character_name")]),
    (b'{"\\u202E":1}', [("/\\u202e", "control_character_name")]),
    (b'{"\\u0001\\u0000":1}', [("/\\u0001\\u0000", "nul"), ("/\\u0001\\u0000", "control_character_name")]),
    # bounds
    (nested(33), [("/0" * 32, "too_deep")]),
    (nested(40, inside=b'{"a":1,"a":2}'), [("/0" * 32, "too_deep")]),
    (b'{"d":' + nested(32) + b',"d":' + nested(32) + b"}", [("/d" + "/0" * 31, "too_deep"), ("/d", "duplicate_name"), ("/d" + "/0" * 31, "too_deep")]),
    (b"[1e99," + b"0," * 10_000 + b"1e99,,", [("/0", "number_out_of_range"), ("/9999", "too_many_values")]),
    (named(*(f"n{number}" for number in range(2050))), [("/n2048", "too_many_names")]),
    (b"[" * 20_000, [("/0" * 32, "too_deep"), ("/0" * 32, "too_many_values")]),
    # violations before a syntax error stand beside it
    (b'{"a":1,"a":2', [("/a", "duplicate_name"), ("", "invalid_json")]),
    (b'["\\u0000",1e99,]', [("/0", "nul"), ("/1", "number_out_of_range"), ("", "invalid_json")]),
    (nested(33)[:-1], [("/0" * 32, "too_deep"), ("", "invalid_json")]),
]  # fmt: skip
