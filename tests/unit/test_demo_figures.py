"""What the demo says when figures look like a fault and are none, and when they are one."""

from typing import Any

import httpx
import pytest

from entrypoints.demo.figures import Figures
from entrypoints.demo.processes import DemoPlaces
from entrypoints.demo.run import Demo

SERVICE, EMULATOR = "http://keeper.test", "http://genesys.test"


def growing(*due: int, allowed: int = 300) -> Figures:
    figures = Figures(allowed=allowed)
    for number in due:
        figures.due_before.append(figures.due)
        figures.due = number
    return figures


def test_a_growing_due_is_explained() -> None:
    remark = growing(2, 8, 15).remark()

    assert remark is not None
    assert remark.startswith("due grows: events come faster than the 300 calls a minute")


@pytest.mark.parametrize("due", [(), (0, 0, 3), (40, 35, 30)])
def test_a_due_that_does_not_grow_needs_no_words(due: tuple[int, ...]) -> None:
    figures = growing(*due)
    figures.due_before = type(figures.due_before)(list(figures.due_before)[1:], maxlen=20)

    assert figures.remark() is None


async def test_each_session_that_differs_is_named_with_what_both_sides_hold(tmp_path: Any) -> None:
    persistence = {"persistenceId": "new", "revision": 3, "syncStatus": "failed"}
    answers: dict[str, Any] = {
        f"{SERVICE}/sessions/same": {"persistence": persistence | {"persistenceId": "p"}},
        f"{SERVICE}/sessions/behind": {"persistence": persistence},
        f"{SERVICE}/sessions/unheard": {"persistence": persistence},
        f"{EMULATOR}/emulator/state": {
            "conversations": {
                "same": {"participants": [{"attributes": {}}, {"attributes": {"sk_persistenceId": "p"}}]},
                "behind": {"participants": [{"attributes": {"sk_persistenceId": "old"}}]},
            }
        },
        f"{EMULATOR}/emulator/stats": {"tooManyRequests": 0, "calls": []},
        f"{SERVICE}/metrics": "",
    }

    def answer(request: httpx.Request) -> httpx.Response:
        found = answers.get(str(request.url))
        return httpx.Response(404) if found is None else httpx.Response(200, json=found)

    places = DemoPlaces(service_url=SERVICE, emulator_url=EMULATOR, database=tmp_path, logs=tmp_path)
    figures = Figures()
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        demo = Demo(http, places, figures=figures, show=lambda _: None)
        demo._traffic.sessions.extend(["same", "behind", "unheard", "expired"])
        await demo.compare()

    assert figures.differences == [
        "behind: Genesys has old, the service new (revision 3, syncStatus failed)",
        "unheard: Genesys has nothing, the service new (revision 3, syncStatus failed)",
    ]
    assert (figures.compared, figures.expired, figures.well) == (3, 1, False)
