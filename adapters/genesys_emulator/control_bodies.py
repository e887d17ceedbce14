"""The JSON of the control API. Names are camelCase, times in seconds."""

import hashlib
from dataclasses import replace
from typing import Annotated

import msgspec

from adapters.genesys_emulator.call_statistics import CallCount
from adapters.genesys_emulator.conversations import Purpose
from adapters.genesys_emulator.faults import FaultRule, FaultStatus
from adapters.genesys_emulator.settings import EmulatorSettings
from adapters.genesys_emulator.tokens import Token
from adapters.genesys_emulator.write_log import AcceptedWrite

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class WriteList(msgspec.Struct, kw_only=True, rename="camel"):
    """`newest` is the sequence number of the newest write there ever was, 0 for none."""

    writes: list[AcceptedWrite]
    newest: int


class FaultOrder(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Each fault as an object (see FaultRule) or as a line of text (`503:0.2`)."""

    faults: list[FaultRule | str]


class FaultList(msgspec.Struct, kw_only=True, rename="camel"):
    faults: list[FaultStatus]


class SettingsChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is absent stays. A new `token_seconds` holds for tokens issued from now on."""

    rate_limit: int | msgspec.UnsetType = msgspec.UNSET
    rate_window_seconds: float | msgspec.UnsetType = msgspec.UNSET
    latency_seconds: float | msgspec.UnsetType = msgspec.UNSET
    token_seconds: int | msgspec.UnsetType = msgspec.UNSET
    know_all: bool | msgspec.UnsetType = msgspec.UNSET
    permissions: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET

    def apply_to(self, settings: EmulatorSettings) -> EmulatorSettings:
        """Raises ValueError when a value is outside its bounds."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        given = {name: value for name, value in values.items() if value is not msgspec.UNSET}
        return replace(settings, **given)


class SettingsView(msgspec.Struct, kw_only=True, rename="camel"):
    rate_limit: int
    rate_window_seconds: float
    latency_seconds: float
    token_seconds: int
    know_all: bool
    permissions: tuple[str, ...]


def settings_view(settings: EmulatorSettings) -> SettingsView:
    return SettingsView(
        rate_limit=settings.rate_limit,
        rate_window_seconds=settings.rate_window_seconds,
        latency_seconds=settings.latency_seconds,
        token_seconds=settings.token_seconds,
        know_all=settings.know_all,
        permissions=settings.permissions,
    )


class ParticipantOrder(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An absent id is made up; an absent time is now; `end_time` is absent while the participant is there."""

    id: Text | None = None
    purpose: Purpose = "customer"
    start_time: str | None = None
    connected_time: str | None = None
    end_time: str | None = None
    attributes: dict[str, str] = {}


class ConversationOrder(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    id: Text | None = None
    participants: list[ParticipantOrder] = []


class TokenWindow(msgspec.Struct, kw_only=True, rename="camel"):
    """`token` is the beginning of the token's SHA-256 in hex, to tell tokens of one client apart."""

    client_id: str
    token: str
    count: int
    allowed: int
    reset_seconds: int
    expires_in_seconds: float


class Statistics(msgspec.Struct, kw_only=True, rename="camel"):
    """`faults` counts by kind; `windows` has the tokens that are valid now."""

    calls: list[CallCount]
    too_many_requests: int
    tokens_issued: int
    writes: int
    faults: dict[str, int]
    windows: list[TokenWindow]


def token_window(token: Token, settings: EmulatorSettings, now: float) -> TokenWindow:
    reading = token.window.reading(
        now, limit=settings.rate_limit, window_seconds=settings.rate_window_seconds
    )
    return TokenWindow(
        client_id=token.client_id,
        token=hashlib.sha256(token.value.encode()).hexdigest()[:12],
        count=reading.count,
        allowed=reading.allowed,
        reset_seconds=reading.reset_seconds,
        expires_in_seconds=round(token.expires_at - now, 3),
    )
