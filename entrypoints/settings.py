"""Settings: environment variables with the prefix `SESSION_KEEPER_`, all checked before anything starts.

Any of them may be given as `…_FILE`, the path of a file that holds the value. An empty value is the same
as none. Every wrong one is reported, one line each; the value of a secret is never shown.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from adapters.storage.backend import Backend
from entrypoints.regions import is_genesys_cloud
from entrypoints.setting_values import FILE_SUFFIX, WrongValue, converted, text_of
from entrypoints.stores import STORES

PREFIX = "SESSION_KEEPER_"
WEBHOOK_SECONDS_MAX = 10.0
"""Genesys waits so long for the answer to a webhook, and then sends it again."""
SECRET_LENGTH_MIN = 16
"""What opens the service must not be guessed; an empty one beside a comma would be guessed at once."""

Seconds = Annotated[float, Meta(gt=0, le=86_400, extra={"may": "a number above 0, at most 86400"})]
Count = Annotated[int, Meta(ge=1, le=1_000_000, extra={"may": "an integer from 1 to 1000000"})]
Bytes = Annotated[int, Meta(ge=2, le=67_108_864, extra={"may": "an integer from 2 to 67108864"})]
TtlSeconds = Annotated[int, Meta(ge=1, le=315_360_000, extra={"may": "an integer from 1 to 315360000"})]
HttpUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
        extra={"url": True, "may": "a URL as https://HOST:PORT/PATH, without a user"},
    ),
]
ProxyUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://([^/?#@\s]+@)?[^/?#@\s]+/?$",
        extra={"url": True, "secret": True, "may": "a URL as http://USER:PASSWORD@HOST:PORT"},
    ),
]
Secret = Annotated[str, Meta(min_length=1, extra={"secret": True, "may": "any text"})]
Secrets = Annotated[
    tuple[Annotated[str, Meta(min_length=SECRET_LENGTH_MIN)], ...],
    Meta(
        extra={
            "secret": True,
            "each": True,
            "may": f"texts of at least {SECRET_LENGTH_MIN} characters each, comma separated",
        }
    ),
]
Names = Annotated[tuple[str, ...], Meta(extra={"may": "names, comma separated"})]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """docs/settings.md has a line on each; a test keeps the two together."""

    store_url: Annotated[
        str,
        Meta(extra={"url": True, "store": True, "secret": True, "may": STORES.examples}),
    ] = "sqlite:///session-keeper.db"
    store_timeout_seconds: Seconds = 4.0
    store_connections_max: Count = 8
    store_batch_max: Count = 256
    store_waiting_max: Count = 10_000

    genesys_environment: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9.-]+$",
            extra={"region": True, "may": "a Genesys region host, as mypurecloud.de"},
        ),
    ] = "mypurecloud.com"
    genesys_api_url: HttpUrl | None = None
    genesys_login_url: HttpUrl | None = None
    genesys_client_id: Secret | None = None
    genesys_client_secret: Secret | None = None
    genesys_calls_per_minute: Count = 300
    genesys_call_seconds: Seconds = 10.0
    genesys_connections_max: Count = 8
    genesys_proxy_url: ProxyUrl | None = None

    sync_target: Literal["participant-attributes", "messaging-sessions", "none"] = "participant-attributes"
    sync_mode: Literal["background", "inline"] = "background"
    sync_inline_seconds: Seconds = 5.0
    sync_lease_seconds: Seconds = 60.0
    sync_poll_seconds: Seconds = 0.25
    sync_retry_min_seconds: Seconds = 1.0
    sync_retry_max_seconds: Seconds = 60.0
    sync_probe_max_seconds: Seconds = 5.0
    sync_misconfigured_seconds: Seconds = 60.0
    sync_refresh_fraction: Annotated[
        float, Meta(ge=0, lt=1, extra={"may": "a number from 0 to below 1; 0: never"})
    ] = 0.25

    context_max_bytes: Bytes = 8192
    context_sync_max_bytes: Bytes = 10_240
    context_overflow: Literal["reject", "prune", "compress"] = "reject"
    context_prune_depth: Annotated[int, Meta(ge=1, le=32, extra={"may": "an integer from 1 to 32"})] = 2
    context_essential: Names = ()
    context_schema: Annotated[str, Meta(extra={"may": "the path of a JSON Schema file"})] | None = None
    context_variables_max: Count = 256
    context_tombstones_max: Count = 256
    ending_context: Literal["ignore", "keep"] = "ignore"

    body_max_bytes: Bytes = 131_072
    json_max_depth: Count = 32
    json_max_names: Count = 2048
    json_max_name_bytes: Count = 256
    json_max_string_bytes: Count = 65_536
    json_max_values: Count = 10_000
    violations_max: Count = 32

    ttl_default_seconds: TtlSeconds = 3600
    ttl_min_seconds: TtlSeconds = 1
    ttl_max_seconds: TtlSeconds = 2_592_000
    ttl_ended_seconds: TtlSeconds = 86_400
    ttl_erased_seconds: TtlSeconds = 432_000
    event_lateness_seconds: TtlSeconds = 432_000
    event_future_seconds: Annotated[
        int, Meta(ge=0, le=86_400, extra={"may": "an integer from 0 to 86400"})
    ] = 300
    audit_retention_seconds: TtlSeconds = 2_592_000
    eviction_interval_seconds: Seconds = 5.0
    clock_skew_max_seconds: Seconds = 60.0

    webhook_secret: Secrets = ()
    api_keys: Secrets = ()
    allow_anonymous: bool = False

    host: Annotated[str, Meta(min_length=1, extra={"may": "a host name or address"})] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, extra={"may": "an integer from 0 to 65535"})] = 3000
    header_seconds: Seconds = 10.0
    body_seconds: Seconds = 20.0
    idle_seconds: Seconds = 75.0
    connections_max: Count = 1000
    requests_under_way_max: Count = 512
    request_wait_seconds: Seconds = 1.0
    drain_seconds: Seconds = 25.0

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] | None = None

    @property
    def store(self) -> Backend:
        """Raises UnknownKind; not for settings that were loaded."""
        return STORES.of(self.store_url)

    @property
    def store_kind(self) -> str:
        """As memory, sqlite or postgresql."""
        return self.store.kind

    @property
    def store_place(self) -> str:
        """The store's URL as it may be shown: without user, password and options."""
        return self.store.place(self.store_url)

    @property
    def store_file(self) -> Path | None:
        """The file that the store is in, absolute; None: it is in none."""
        return self.store.file(self.store_url)

    @property
    def has_credentials(self) -> bool:
        """Whether Genesys can be asked for a token at all."""
        return self.genesys_client_id is not None and self.genesys_client_secret is not None

    @property
    def lacks_its_target(self) -> bool:
        """Whether the target is messaging-sessions, and Genesys Cloud itself is called, which has none."""
        return self.sync_target == "messaging-sessions" and is_genesys_cloud(self.api_url)

    @property
    def delivers(self) -> bool:
        """Whether Genesys is to be called at all."""
        return self.sync_target != "none" and self.has_credentials

    @property
    def api_url(self) -> str:
        return (self.genesys_api_url or f"https://api.{self.genesys_environment}").rstrip("/")

    @property
    def login_url(self) -> str:
        return (self.genesys_login_url or f"https://login.{self.genesys_environment}").rstrip("/")


class WrongSettings(Exception):
    """One line for each setting that is wrong, in `lines`."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def load_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in the environment.

    Raises:
        WrongSettings: with every one that is wrong.
    """
    settings, lines = examine_settings(environment)
    if lines:
        raise WrongSettings(lines)
    return settings


def examine_settings(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings that are valid (the others at their defaults), and a line on each that is wrong."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        try:
            text = text_of(environment, PREFIX + name.upper())
            if text is not None:
                values[name] = converted(text, hint)
        except WrongValue as error:
            wrong[name] = f"{PREFIX}{name.upper()} {error}"
    settings = Settings(**values)
    contradictions = [line for names, line in _contradictions(settings) if not names & wrong.keys()]
    return settings, [*wrong.values(), *contradictions]


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that mean nothing to us: misspelt, or of another version."""
    known = _known_names()
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def with_likely_name(unknown: str) -> str:
    """The name of a variable that nobody knows, and the one that was probably meant."""
    known = sorted(name.removeprefix(PREFIX) for name in _known_names())
    close = get_close_matches(unknown.removeprefix(PREFIX), known, n=1, cutoff=0.75)
    return unknown + "".join(f" (did you mean {PREFIX}{name}?)" for name in close)


def _known_names() -> set[str]:
    names = {PREFIX + name.upper() for name in Settings.__struct_fields__}
    return names | {name + FILE_SUFFIX for name in names}


def _contradictions(settings: Settings) -> Iterator[tuple[set[str], str]]:
    """The settings that cannot stand together, and a line on them."""
    if not settings.ttl_min_seconds <= settings.ttl_default_seconds <= settings.ttl_max_seconds:
        yield (
            {"ttl_min_seconds", "ttl_default_seconds", "ttl_max_seconds"},
            (
                f"{PREFIX}TTL_DEFAULT_SECONDS is {settings.ttl_default_seconds}; it may be from "
                f"TTL_MIN_SECONDS ({settings.ttl_min_seconds}) "
                f"to TTL_MAX_SECONDS ({settings.ttl_max_seconds})"
            ),
        )
    if (settings.genesys_client_id is None) != (settings.genesys_client_secret is None):
        missing = "CLIENT_ID" if settings.genesys_client_id is None else "CLIENT_SECRET"
        yield (
            {"genesys_client_id", "genesys_client_secret"},
            f"{PREFIX}GENESYS_{missing} is not set; id and secret may only be set together",
        )
    if settings.sync_retry_min_seconds > settings.sync_retry_max_seconds:
        yield (
            {"sync_retry_min_seconds", "sync_retry_max_seconds"},
            (
                f"{PREFIX}SYNC_RETRY_MIN_SECONDS is {settings.sync_retry_min_seconds}; it may be at most "
                f"SYNC_RETRY_MAX_SECONDS ({settings.sync_retry_max_seconds})"
            ),
        )
    if settings.sync_lease_seconds < settings.genesys_call_seconds * 2:
        yield (
            {"sync_lease_seconds", "genesys_call_seconds"},
            (
                f"{PREFIX}SYNC_LEASE_SECONDS is {settings.sync_lease_seconds}; it may be twice "
                f"GENESYS_CALL_SECONDS ({settings.genesys_call_seconds}) or more"
            ),
        )
    inline_seconds = settings.store_timeout_seconds + settings.sync_inline_seconds
    if settings.sync_mode == "inline" and inline_seconds >= WEBHOOK_SECONDS_MAX:
        yield (
            {"store_timeout_seconds", "sync_inline_seconds", "sync_mode"},
            (
                f"{PREFIX}SYNC_INLINE_SECONDS is {settings.sync_inline_seconds}; it may be below "
                f"{WEBHOOK_SECONDS_MAX - settings.store_timeout_seconds}: with STORE_TIMEOUT_SECONDS "
                f"({settings.store_timeout_seconds}) it must stay below the {WEBHOOK_SECONDS_MAX:.0f} s that "
                "Genesys waits for the answer to a webhook"
            ),
        )
