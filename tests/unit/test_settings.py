"""What settings may hold, and what is said of those that hold something else."""

from pathlib import Path
from typing import get_type_hints

import pytest

from entrypoints.setting_values import is_secret, may_hold
from entrypoints.settings import (
    PREFIX,
    Settings,
    WrongSettings,
    load_settings,
    unknown_names,
    with_likely_name,
)

NEW_SECRET = "the-new-one-0123"
OLD_SECRET = "the-old-one-4567"
HINTS = get_type_hints(Settings, include_extras=True)


def load(**settings: str) -> Settings:
    return load_settings({PREFIX + name: text for name, text in settings.items()})


def complaints(**settings: str) -> list[str]:
    with pytest.raises(WrongSettings) as wrong:
        load(**settings)
    return wrong.value.lines


def test_nothing_needs_to_be_set() -> None:
    assert load_settings({"PATH": "/bin"}) == Settings()


def test_an_empty_value_is_none() -> None:
    assert load(PORT="", WEBHOOK_SECRET="", API_KEYS="", STORE_URL="") == Settings()


@pytest.mark.parametrize("name", HINTS)
def test_every_setting_says_what_it_may_hold(name: str) -> None:
    assert may_hold(HINTS[name])


def test_secrets_are_marked() -> None:
    secrets = {name for name, hint in HINTS.items() if is_secret(hint)}

    assert secrets >= {
        "store_url",
        "genesys_client_id",
        "genesys_client_secret",
        "genesys_proxy_url",
        "webhook_secret",
        "api_keys",
    }
    assert "host" not in secrets


@pytest.mark.parametrize("name", ["STORE_TIMEOUT_SECONDS", "IDLE_SECONDS"])
@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e9", "ten", " "])
def test_seconds_are_finite_and_above_zero(name: str, text: str) -> None:
    assert complaints(**{name: text}) == [
        f"{PREFIX}{name} is {text!r}; it may be {may_hold(HINTS[name.lower()])}"
    ]


@pytest.mark.parametrize("text", ["true", "True", "1", "TRUE"])
def test_a_yes_is_written_in_several_ways(text: str) -> None:
    assert load(ALLOW_ANONYMOUS=text).allow_anonymous


@pytest.mark.parametrize("text", ["yes", "on", "2"])
def test_what_is_neither_yes_nor_no_is_refused(text: str) -> None:
    assert len(complaints(ALLOW_ANONYMOUS=text)) == 1


def test_the_case_of_a_choice_does_not_matter() -> None:
    assert load(LOG_LEVEL="INFO", SYNC_MODE="Inline").sync_mode == "inline"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("memory://", "memory://"),
        ("sqlite:///keeper.db", f"sqlite:///{Path.cwd()}/keeper.db"),
        ("sqlite:////var/lib/keeper.db", "sqlite:////var/lib/keeper.db"),
        ("postgresql://u:pw@db:5432/keeper?sslmode=require", "postgresql://db:5432/keeper"),
        ("postgres://u:p%40w@one:5432,two:5433/keeper", "postgres://one:5432,two:5433/keeper"),
        ("postgresql://u:pw@[::1]:5432/keeper", "postgresql://[::1]:5432/keeper"),
        ("postgresql:///keeper?host=/run/postgresql&user=a@b", "postgresql:///keeper"),
    ],
)
def test_a_store_is_named_without_its_password(url: str, place: str) -> None:
    settings = load(STORE_URL=url)

    assert settings.store_place == place
    assert settings.store_kind in {"memory", "sqlite", "postgresql"}


@pytest.mark.parametrize(
    "url",
    [
        "keeper.db",
        "mysql://u:hunter2@db/keeper",
        "sqlite:///",
        "postgresql://u:hunter2@db:99999/keeper",
        "postgresql://u:hunter2@db:port/keeper",
        "postgresql://u:hunter2@[::1/keeper",
        "postgresql://u:hunt/er2@db/keeper",
        "postgresql://u:hunt#er2@db/keeper",
        "postgresql://u:hunt?er2@db/keeper",
        "sqlite:///kee\0per.db",
    ],
)
def test_a_store_that_cannot_be_is_refused_without_showing_its_password(url: str) -> None:
    (line,) = complaints(STORE_URL=url)

    assert line.startswith(f"{PREFIX}STORE_URL is a value that is not shown")
    assert "; it may be memory://, sqlite:///PATH or postgresql://USER:PASSWORD@" in line
    assert "hunt" not in line


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgressql://u:hunter2@db/x", "no store of the kind 'postgressql' (did you mean postgresql?)"),
        ("postgresql+asyncpg://u:hunter2@db/x", "'postgresql+asyncpg' (did you mean postgresql?)"),
        ("sqllite:///x.db", "no store of the kind 'sqllite' (did you mean sqlite?)"),
        ("mysql://u:hunter2@db/x", "no store of the kind 'mysql'; it may be"),
        ("u:hunter2://db/x", "it has no scheme; it may be"),
        ("hunter2@db/x", "it has no scheme; it may be"),
    ],
)
def test_a_store_of_a_kind_that_is_not_there_says_which_there_are(url: str, says: str) -> None:
    (line,) = complaints(STORE_URL=url)

    assert says in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "text", ["ftp://x", "x", "https://", "https://x:99999", "https://x y", "https://x?a"]
)
def test_a_url_of_genesys_that_cannot_be_is_refused(text: str) -> None:
    (line,) = complaints(GENESYS_API_URL=text)

    assert line.startswith(f"{PREFIX}GENESYS_API_URL is {text!r}; it may be a URL")


@pytest.mark.parametrize("name", ["GENESYS_API_URL", "GENESYS_PROXY_URL"])
def test_a_password_in_a_url_is_not_shown(name: str) -> None:
    (line,) = complaints(**{name: "https://user:hunter2@x:port"})

    assert "hunter2" not in line


def test_the_hosts_of_genesys_come_from_its_region() -> None:
    settings = load(GENESYS_ENVIRONMENT="mypurecloud.de", GENESYS_LOGIN_URL="http://localhost:3001/")

    assert (settings.api_url, settings.login_url) == ("https://api.mypurecloud.de", "http://localhost:3001")


def test_secrets_are_a_list_and_spaces_do_not_belong_to_them() -> None:
    both = load(WEBHOOK_SECRET=f"{NEW_SECRET}, {OLD_SECRET} ")

    assert both.webhook_secret == (NEW_SECRET, OLD_SECRET)


@pytest.mark.parametrize("name", ["WEBHOOK_SECRET", "API_KEYS"])
@pytest.mark.parametrize(
    "text",
    [
        ",",
        " ",
        " , ",
        f"{NEW_SECRET},",
        f",{NEW_SECRET}",
        f"{NEW_SECRET},,{OLD_SECRET}",
        f"{NEW_SECRET},x",
        "x",
        NEW_SECRET[:15],
        f" {NEW_SECRET[:15]} ",
    ],
)
def test_a_secret_that_is_empty_or_short_does_not_open_the_door(name: str, text: str) -> None:
    (line,) = complaints(**{name: text})

    assert line == (
        f"{PREFIX}{name} is a value that is not shown; it may be texts of at least 16 characters each, "
        "comma separated"
    )


def test_names_may_have_empty_ones_between_them() -> None:
    assert load(CONTEXT_ESSENTIAL="a,, b,").context_essential == ("a", "b")


def test_a_value_is_read_from_a_file_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("in the file \r\n")

    assert load(GENESYS_CLIENT_ID="id", GENESYS_CLIENT_SECRET_FILE=str(tmp_path / "secret")) == load(
        GENESYS_CLIENT_ID="id", GENESYS_CLIENT_SECRET="in the file "
    )


def test_a_file_that_is_empty_or_absent_or_no_text_is_refused(tmp_path: Path) -> None:
    for name, content in (("empty", b"\n"), ("bytes", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)

    for name, reason in {
        "empty": "which is empty",
        "bytes": "which failed",
        "absent": "which failed",
    }.items():
        path = str(tmp_path / name)
        (line,) = complaints(API_KEYS_FILE=path)

        assert line.startswith(f"{PREFIX}API_KEYS is to be read from {path!r}, {reason}")


def test_a_value_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    (line,) = complaints(PORT="1", PORT_FILE=str(tmp_path))

    assert line == f"{PREFIX}PORT and {PREFIX}PORT_FILE are both set: only one may be"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"TTL_DEFAULT_SECONDS": "10", "TTL_MAX_SECONDS": "5"}, "TTL_DEFAULT_SECONDS"),
        ({"GENESYS_CLIENT_ID": "id"}, "GENESYS_CLIENT_SECRET"),
        ({"GENESYS_CLIENT_SECRET": "hunter2"}, "GENESYS_CLIENT_ID"),
        ({"SYNC_RETRY_MIN_SECONDS": "100"}, "SYNC_RETRY_MIN_SECONDS"),
        ({"SYNC_LEASE_SECONDS": "5"}, "SYNC_LEASE_SECONDS"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, str], name: str) -> None:
    (line,) = complaints(**settings)

    assert line.startswith(f"{PREFIX}{name} is ")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("api.mypurecloud.de", "mypurecloud.de"),
        ("login.euw2.pure.cloud", "euw2.pure.cloud"),
        ("apps.mypurecloud.com.au", "mypurecloud.com.au"),
        ("https://api.mypurecloud.ie/", "mypurecloud.ie"),
        ("https://mypurecloud.jp", "mypurecloud.jp"),
        ("us-east-1", "mypurecloud.com"),
        ("EU-CENTRAL-1", "mypurecloud.de"),
        ("eu-west-2", "euw2.pure.cloud"),
        ("api.eu-west-2", "euw2.pure.cloud"),
        ("https://[", None),
        ("us-gov-west-1", None),
        ("eu-north-1", None),
    ],
)
def test_what_is_no_region_host_is_refused_with_the_one_that_was_meant(text: str, meant: str | None) -> None:
    (line,) = complaints(GENESYS_ENVIRONMENT=text)

    beside = "" if meant is None else f"; did you mean {meant}?"
    assert line == (
        f"{PREFIX}GENESYS_ENVIRONMENT is {text!r}; it may be a Genesys region host, as mypurecloud.de{beside}"
    )


@pytest.mark.parametrize("text", ["mypurecloud.de", "MyPureCloud.com", "euw2.pure.cloud", "new9.pure.cloud"])
def test_a_region_host_is_taken_also_a_new_one(text: str) -> None:
    assert load(GENESYS_ENVIRONMENT=text).api_url == f"https://api.{text}"


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("SYNC_TARGET", "participant_attributes", "participant-attributes"),
        ("SYNC_MODE", "inlin", "inline"),
        ("CONTEXT_OVERFLOW", "prun", "prune"),
    ],
)
def test_a_misspelt_choice_is_refused_with_the_one_that_was_meant(name: str, text: str, meant: str) -> None:
    (line,) = complaints(**{name: text})

    assert line.endswith(f"; did you mean {meant}?")


def test_contradictions_are_told_beside_what_is_wrong_by_itself() -> None:
    lines = complaints(PORT="many", SYNC_LEASE_SECONDS="5", TTL_MIN_SECONDS="x", TTL_DEFAULT_SECONDS="0")

    assert [line.removeprefix(PREFIX).split()[0] for line in lines] == [
        "TTL_DEFAULT_SECONDS",
        "TTL_MIN_SECONDS",
        "PORT",
        "SYNC_LEASE_SECONDS",
    ]


def test_a_misspelt_name_is_told_with_the_one_that_was_meant() -> None:
    assert with_likely_name(f"{PREFIX}SYNC_TARGE") == (
        f"{PREFIX}SYNC_TARGE (did you mean {PREFIX}SYNC_TARGET?)"
    )
    assert with_likely_name(f"{PREFIX}WHATEVER") == f"{PREFIX}WHATEVER"


def test_names_that_nobody_knows_are_found() -> None:
    environment = dict.fromkeys([f"{PREFIX}PROT", f"{PREFIX}PORT", f"{PREFIX}PORT_FILE", "PROT"], "1")

    assert unknown_names(environment) == [f"{PREFIX}PROT"]


def test_an_inline_sync_leaves_time_to_answer_before_genesys_gives_up() -> None:
    """The store's time-out and the sync's come after each other, and Genesys waits for 10 s in all."""
    assert load(SYNC_MODE="inline").sync_mode == "inline"
    assert load(SYNC_INLINE_SECONDS="9").sync_mode == "background"

    for inline, store in (("6", "4"), ("5", "5"), ("0.5", "9.5")):
        (line,) = complaints(SYNC_MODE="inline", SYNC_INLINE_SECONDS=inline, STORE_TIMEOUT_SECONDS=store)

        assert line == (
            f"{PREFIX}SYNC_INLINE_SECONDS is {float(inline)}; it may be below {10 - float(store)}: "
            f"with STORE_TIMEOUT_SECONDS ({float(store)}) it must stay below the 10 s that Genesys waits "
            "for the answer to a webhook"
        )
