"""What is told in logs and trails: ids and reasons, never a context value, a token or a secret."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import EmulatorProcess, ServiceProcess, run_command
from tests.servers.postgres import PostgresServer
from tests.servers.processes import wait_until

MARK = "s3cr3t-value"
SECRETS = {
    "WEBHOOK_SECRET": f"{MARK}-webhook",
    "API_KEYS": f"{MARK}-key",
    "GENESYS_CLIENT_SECRET": f"{MARK}-client",
    "CONTEXT_MAX_BYTES": "200",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "json",
}


def send(service: ServiceProcess, body: bytes, secret: str = SECRETS["WEBHOOK_SECRET"]) -> httpx.Response:
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    headers = {
        "content-type": "application/json",
        "x-hub-signature-256": f"sha256={signature}",
        "authorization": "",  # else the API key would do in place of the signature
    }
    return service.client.post("/webhook/messaging", content=body, headers=headers)


def event(session_id: str, **fields: Any) -> bytes:
    context = {"order": f"{MARK}-context", "nested": {"deep": [f"{MARK}-deep"]}}
    return json.dumps({"sessionId": session_id, "eventType": "typing", "context": context} | fields).encode()


def trail(service: ServiceProcess, session_id: str) -> str:
    answer = service.client.get(f"/sessions/{session_id}/audit")
    answer.raise_for_status()
    return answer.text


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_no_value_and_no_secret_is_ever_told(
    store_url: str, start_service: StartService, emulator: EmulatorProcess, request: pytest.FixtureRequest
) -> None:
    over = SECRETS | {"STORE_URL": store_url.replace("postgres@", f"postgres:{MARK}-database@")}
    service = start_service(over=over)
    service.client.headers["authorization"] = f"Bearer {SECRETS['API_KEYS']}"

    statuses = [
        send(service, event("told")).status_code,
        send(service, event("large", context={"x": f"{MARK}-" * 50})).status_code,
        send(service, event("wrong", contextMode=f"{MARK}-mode", ttlSeconds=f"{MARK}-ttl")).status_code,
        send(service, f'{{"sessionId": "broken", "{MARK}-name": {MARK}'.encode()).status_code,
        send(service, event("unsigned"), secret="not the right one").status_code,
    ]
    service.wait_until_synced("told")
    for fault in ("400", "403", "503"):
        emulator.faults(f"{fault}:1x@PATCH")
        send(service, event(f"refused-{fault}"))
        wait_until(lambda: not emulator.client.get("/emulator/faults").json()["faults"], "the refusal")
    service.wait_until_synced("refused-503")
    trails = [trail(service, name) for name in ("told", "large", "wrong", "refused-400", "refused-403")]
    if store_url.startswith("postgresql"):
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.pause()
        statuses.append(send(service, event("away")).status_code)
        server.resume()
    doctor = run_command("doctor", settings=service.settings)
    code = service.stop()
    told = [service.output(), emulator.output(), doctor.stdout, doctor.stderr, *trails]

    assert statuses[:5] == [200, 413, 422, 400, 401]
    assert statuses[5:] in ([], [503])
    assert (code, doctor.returncode) == (0, 0)
    assert [text for text in told if MARK in text or "Bearer" in text] == []
    assert "refused-403" in service.output()
    assert "SESSION_SYNC_FAILED" in trails[-1]
    assert {record["level"] for record in service.records()} <= {"debug", "info", "warning"}


def test_every_line_is_json_with_a_time_a_level_and_a_logger(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service(over={"LOG_LEVEL": "debug"})
    emulator.faults("close:2x", "503:2x@PATCH")
    service.post("chat-1", {"step": 1})
    service.wait_until_synced("chat-1")
    service.stop()

    assert len(service.records()) > 5
    assert [
        record for record in service.records() if not {"timestamp", "level", "logger"} <= set(record)
    ] == []


def test_on_request_the_log_is_text(start_service: StartService) -> None:
    service = start_service(over={"LOG_FORMAT": "console"}, ready_text="serving")

    assert service.stop() == 0
    assert '"event"' not in service.output()
    assert "serving" in service.output()
