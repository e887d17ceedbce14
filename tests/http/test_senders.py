"""Who may call what: signatures and API keys."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator

import pytest

from adapters.http.errors import NotAuthorised
from adapters.http.senders import Senders
from tests.http.keeper import Keeper, problem, running_keeper

EVENT = b'{"sessionId": "s",  "eventType": "message", "context": {"name": "J\xc3\xb6rg"}}'
GUARDED = [
    ("GET", "/"),
    ("GET", "/sessions/s"),
    ("HEAD", "/sessions/s"),
    ("DELETE", "/sessions/s"),
    ("GET", "/sessions/s/audit"),
    ("GET", "/metrics"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/assets/swagger-ui.css"),
    ("GET", "/schema/assets/page.js"),
]
WRONG = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer wrong"},
    {"authorization": "Bearer first,second"},
    {"authorization": "first"},
    {"authorization": "Token first"},
    {"authorization": b"Bearer \xff\xfe"},
    {"authorization": "Basic"},
    {"authorization": "Basic ???"},
    {"authorization": b"Basic \xff"},
    {"authorization": "Basic " + base64.b64encode(b"first").decode()},
    {"authorization": "Basic " + base64.b64encode(b"first:").decode()},
    {"authorization": "Basic " + base64.b64encode(b"user:wrong").decode()},
]


def signature(secret: str, body: bytes = EVENT) -> str:
    return "sha256=" + base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"any:{password}".encode()).decode()


@pytest.fixture
async def guarded() -> AsyncIterator[Keeper]:
    async with running_keeper(webhook_secret=("old", "nëw"), api_keys=("first", "sécond à")) as keeper:
        yield keeper


@pytest.mark.parametrize("secret", ["old", "nëw"])
async def test_a_signature_under_any_of_the_secrets_is_taken(guarded: Keeper, secret: str) -> None:
    answer = await guarded.post_raw(EVENT, x_hub_signature_256=signature(secret))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        "",
        "sha256=",
        signature("wrong"),
        signature("old", EVENT + b" "),
        signature("old").removeprefix("sha256="),
        signature("old").replace("sha256=", "sha1="),
        signature("old").rstrip("="),
        "sha256=" + hmac.new(b"old", EVENT, "sha256").hexdigest(),
        b"sha256=\xff\xfe\x80",
        "sha256=\u00b2",
    ],
    ids=repr,
)
async def test_any_other_signature_is_refused_and_nothing_is_read(
    guarded: Keeper, given: str | bytes
) -> None:
    raw = given if isinstance(given, bytes) else given.encode("latin-1")

    answer = await guarded.post_raw(EVENT, x_hub_signature_256=raw)

    problem(answer, 401)
    assert "Bearer" in answer.headers["www-authenticate"]
    assert await guarded.service.store.audit_count() == 0


@pytest.mark.parametrize(
    "authorization", ["Bearer first", "bearer  first", basic("first"), basic("sécond à")]
)
async def test_an_api_key_stands_for_a_signature(guarded: Keeper, authorization: str) -> None:
    answer = await guarded.post_raw(EVENT, authorization=authorization, x_hub_signature_256="sha256=x")

    assert answer.status_code == 200


@pytest.mark.parametrize("headers", WRONG, ids=str)
async def test_a_wrong_key_is_no_signature(guarded: Keeper, headers: dict[str, str | bytes]) -> None:
    problem(await guarded.post_raw(EVENT, **headers), 401)


async def test_who_the_sender_is_counts_before_what_the_body_is(guarded: Keeper) -> None:
    problem(await guarded.post_raw(b"\xff", content_type="text/plain"), 401)


async def test_a_secret_without_keys_leaves_no_way_in_but_the_signature() -> None:
    async with running_keeper(webhook_secret=("old",)) as keeper:
        empty = await keeper.post_raw(EVENT, authorization="Bearer ")
        none = await keeper.post_raw(EVENT, authorization=basic(""))
        signed = await keeper.post_raw(EVENT, x_hub_signature_256=signature("old"))

    assert [answer.status_code for answer in (empty, none, signed)] == [401, 401, 200]


async def test_keys_without_a_secret_leave_the_webhook_open() -> None:
    async with running_keeper(api_keys=("first",)) as keeper:
        answer = await keeper.post(context={"a": 1})

    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_everything_but_the_webhook_and_the_probes_wants_a_key(
    guarded: Keeper, method: str, path: str
) -> None:
    answer = await guarded.http.request(method, path)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_any_of_the_keys_opens_it(guarded: Keeper, method: str, path: str) -> None:
    await guarded.post_raw(EVENT, x_hub_signature_256=signature("old"))

    for key in ("first", "sécond à"):
        answer = await guarded.http.request(
            method, path, headers={b"authorization": f"Bearer {key}".encode()}
        )

        assert answer.status_code in {200, 204, 404, 405}
        if method == "GET" and key == "first":
            assert answer.status_code == 200


@pytest.mark.parametrize("headers", WRONG, ids=str)
async def test_a_wrong_key_opens_nothing(guarded: Keeper, headers: dict[str, str | bytes]) -> None:
    for path in ("/metrics", "/schema"):
        problem(await guarded.http.get(path, headers=headers), 401)  # type: ignore[arg-type]


async def test_a_webhook_signature_opens_nothing_else(guarded: Keeper) -> None:
    answer = await guarded.http.get("/sessions/s", headers={"x-hub-signature-256": signature("old", b"")})

    problem(answer, 401)


async def test_the_probes_want_no_key(guarded: Keeper) -> None:
    answers = [await guarded.http.get(path) for path in ("/health", "/health/live", "/health/ready")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_a_key_as_password_opens_whatever_it_opens_as_a_bearer(
    guarded: Keeper, method: str, path: str
) -> None:
    await guarded.post_raw(EVENT, x_hub_signature_256=signature("old"))

    for key in ("first", "sécond à"):
        answer = await guarded.http.request(method, path, headers={"authorization": basic(key)})

        assert answer.status_code in {200, 204, 404, 405}
        if method == "GET" and key == "first":
            assert answer.status_code == 200


async def test_a_browser_is_asked_for_a_password_first(guarded: Keeper) -> None:
    for path in ("/schema", "/sessions/s"):
        unknown = await guarded.http.get(path)

        assert unknown.headers["www-authenticate"].startswith('Basic realm="session-keeper"')


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "a signature in X-Hub-Signature-256 or an API key in Authorization is wanted, and missing"),
        ({"authorization": basic("wrong")}, "the API key in Authorization is wrong"),
        ({"authorization": "Bearer wrong"}, "the API key in Authorization is wrong"),
        ({"x-hub-signature-256": "sha256=x"}, "the signature in X-Hub-Signature-256 is wrong"),
        (
            {"authorization": basic("wrong"), "x-hub-signature-256": "sha256=x"},
            "neither the signature in X-Hub-Signature-256 nor the API key in Authorization is right",
        ),
    ],
    ids=str,
)
async def test_what_is_wrong_is_named_and_not_something_else(
    guarded: Keeper, headers: dict[str, str], detail: str
) -> None:
    assert problem(await guarded.post_raw(EVENT, **headers), 401)["detail"] == detail


async def test_a_key_where_no_key_is_set_is_told_that_only_a_signature_opens() -> None:
    async with running_keeper(webhook_secret=("old",)) as keeper:
        answer = await keeper.post_raw(EVENT, authorization=basic("first"))

    assert problem(answer, 401)["detail"] == (
        "the signature in X-Hub-Signature-256 is missing, and no API key is set that could stand in its place"
    )


async def test_a_caller_without_a_key_and_one_with_a_wrong_key_are_told_apart(guarded: Keeper) -> None:
    missing = await guarded.http.get("/metrics")
    wrong = await guarded.http.get("/metrics", headers={"authorization": basic("wrong")})

    assert problem(missing, 401)["detail"] == "the API key in Authorization is missing"
    assert problem(wrong, 401)["detail"] == "the API key in Authorization is wrong"


async def test_refused_callers_are_warned_of_without_what_they_gave(
    guarded: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    await guarded.http.get("/sessions/s", headers={"authorization": "Bearer almost-right"})

    assert [record.levelname for record in caplog.records if record.name.startswith("session_keeper")] == [
        "WARNING"
    ]
    assert "almost-right" not in "".join(str(vars(record)) for record in caplog.records)


def test_a_secret_that_was_no_utf8_in_the_environment_is_its_bytes() -> None:
    senders = Senders(webhook_secrets=(b"\xff".decode("utf-8", "surrogateescape"),))
    signed = base64.b64encode(hmac.digest(b"\xff", EVENT, hashlib.sha256)).decode()

    senders.check_webhook(EVENT, f"sha256={signed}", None)
    with pytest.raises(NotAuthorised):
        senders.check_webhook(EVENT + b" ", f"sha256={signed}", None)


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(Senders(webhook_secrets=("hush",), api_keys=("hush",)))
