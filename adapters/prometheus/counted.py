"""What is counted, and its place in the numbers of a process."""

from adapters.prometheus.layout import Layout
from application.ports.metrics import CALL_OUTCOMES, DELIVERY_OUTCOMES, ROOM_REFUSALS, WEBHOOK_REFUSALS
from domain.decisions.decision import Outcome

_WEBHOOK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

LAYOUT = Layout()
WEBHOOKS = LAYOUT.counters("webhooks", [*(outcome.value for outcome in Outcome), *WEBHOOK_REFUSALS])
WEBHOOK_SECONDS = LAYOUT.histogram("webhook seconds", _WEBHOOK_SECONDS)
SUCCESS_SECONDS = LAYOUT.counter("seconds of webhooks that were not refused")
DELIVERIES = LAYOUT.counters("deliveries", DELIVERY_OUTCOMES)
CALLS = LAYOUT.histograms("calls", CALL_OUTCOMES, _CALL_SECONDS)
LAG_SECONDS = LAYOUT.histogram("lag seconds", _LAG_SECONDS)
EVICTED = LAYOUT.counter("evicted")
UNDELIVERED = LAYOUT.counter("evicted undelivered")
EVICTIONS_FAILED = LAYOUT.counter("evictions failed")
ERASED = LAYOUT.counter("erased")
REFUSED = LAYOUT.counters("refused for want of room", ROOM_REFUSALS)
