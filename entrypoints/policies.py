"""From settings to the rules and limits of each part.

Web framework and HTTP client are imported where they are asked for: not every command needs them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from adapters.asgi_server.limits import ServerLimits
from adapters.event_json.json_scanner import JsonLimits
from adapters.genesys.oauth import Credentials
from adapters.json_schema.schema_file import load_schema
from adapters.storage.backend import StoreLimits
from application.ports.schema import ContextSchema
from application.sync.circuit_breaker import CircuitBreakerPolicy
from application.sync.conclusions import ConclusionPolicy
from application.sync.loop import SyncLoopPolicy
from domain.context.size_policy import Overflow, SizePolicy
from domain.decisions.decision import Policies, any_document
from domain.session.event import EndingContext
from domain.session.ttl_policy import TtlPolicy
from domain.sync.policy import SyncPolicy, SyncTarget
from entrypoints.settings import Settings
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from adapters.genesys.client import CallLimits, GenesysEndpoints
    from adapters.http.app import HttpRules


def ttl_policy(settings: Settings) -> TtlPolicy:
    return TtlPolicy(
        default_seconds=settings.ttl_default_seconds,
        min_seconds=settings.ttl_min_seconds,
        max_seconds=settings.ttl_max_seconds,
        ended_seconds_max=settings.ttl_ended_seconds,
        erased_seconds=settings.ttl_erased_seconds,
        tombstone_seconds=settings.event_lateness_seconds,
        future_seconds_max=settings.event_future_seconds,
    )


def context_schema(settings: Settings) -> ContextSchema | None:
    """The schema that the settings name, if any.

    Raises:
        SchemaBroken: its file cannot be used.
    """
    if settings.context_schema is None:
        return None
    return load_schema(Path(settings.context_schema), violations_max=settings.violations_max)


def policies(settings: Settings) -> Policies:
    schema = context_schema(settings)
    return Policies(
        schema=any_document if schema is None else schema.violations,
        ttl=ttl_policy(settings),
        size=SizePolicy(
            context_byte_size_max=settings.context_max_bytes,
            sync_byte_size_max=settings.context_sync_max_bytes,
            overflow=Overflow(settings.context_overflow),
            prune_depth=settings.context_prune_depth,
            essential=frozenset(settings.context_essential),
        ),
        sync=SyncPolicy(
            target=SyncTarget(settings.sync_target),
            lease_seconds=settings.sync_lease_seconds,
            refresh_fraction=settings.sync_refresh_fraction,
            retry_seconds_min=settings.sync_retry_min_seconds,
            retry_seconds_max=settings.sync_retry_max_seconds,
        ),
        variables_max=settings.context_variables_max,
        tombstones_max=settings.context_tombstones_max,
        tombstone_bytes_max=settings.context_max_bytes,
        ending_context=EndingContext(settings.ending_context),
    )


def sync_loop_policy(settings: Settings) -> SyncLoopPolicy:
    return SyncLoopPolicy(
        concurrency_max=settings.genesys_connections_max,
        poll_seconds=settings.sync_poll_seconds,
    )


def conclusion_policy(settings: Settings) -> ConclusionPolicy:
    return ConclusionPolicy(
        backoff_seconds_min=settings.sync_poll_seconds,
        circuit_breaker=CircuitBreakerPolicy(
            probe_seconds_max=settings.sync_probe_max_seconds,
            misconfigured_seconds=settings.sync_misconfigured_seconds,
        ),
    )


def store_limits(settings: Settings) -> StoreLimits:
    return StoreLimits(
        timeout_seconds=settings.store_timeout_seconds,
        connections_max=settings.store_connections_max,
        batch_max=settings.store_batch_max,
        waiting_max=settings.store_waiting_max,
    )


def endpoints(settings: Settings) -> "GenesysEndpoints":
    from adapters.genesys.client import GenesysEndpoints

    return GenesysEndpoints(api_url=settings.api_url, login_url=settings.login_url)


def credentials(settings: Settings) -> Credentials | None:
    if settings.genesys_client_id is None or settings.genesys_client_secret is None:
        return None
    return Credentials(client_id=settings.genesys_client_id, client_secret=settings.genesys_client_secret)


def call_limits(settings: Settings) -> "CallLimits":
    from adapters.genesys.client import CallLimits

    return CallLimits(
        call_seconds_max=settings.genesys_call_seconds, connections_max=settings.genesys_connections_max
    )


def http_rules(settings: Settings) -> "HttpRules":
    from adapters.http.app import HttpRules
    from adapters.http.senders import Senders
    from adapters.http.webhooks import WebhookRules

    return HttpRules(
        webhook=WebhookRules(
            senders=Senders(webhook_secrets=settings.webhook_secret, api_keys=settings.api_keys),
            json=JsonLimits(
                depth_max=settings.json_max_depth,
                names_max=settings.json_max_names,
                name_bytes_max=settings.json_max_name_bytes,
                string_bytes_max=settings.json_max_string_bytes,
                values_max=settings.json_max_values,
                violations_max=settings.violations_max,
            ),
            ttl=ttl_policy(settings),
            body_bytes_max=settings.body_max_bytes,
        ),
        version=VERSION,
    )


def server_limits(settings: Settings) -> ServerLimits:
    from adapters.http.probes import PROBES

    return ServerLimits(
        body_bytes_max=settings.body_max_bytes,
        header_seconds_max=settings.header_seconds,
        body_seconds_max=settings.body_seconds,
        idle_seconds_max=settings.idle_seconds,
        connections_max=settings.connections_max,
        requests_under_way_max=settings.requests_under_way_max,
        request_wait_seconds_max=settings.request_wait_seconds,
        paths_always_answered=PROBES,
        drain_seconds_max=settings.drain_seconds,
    )
