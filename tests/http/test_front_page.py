"""What is found at `/`."""

import re

import pytest

from tests.http.keeper import Keeper

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_a_browser_is_shown_a_page_whose_links_lead_somewhere(keeper: Keeper) -> None:
    page = await keeper.http.get("/", headers={"accept": BROWSER})
    links = re.findall(r'href="(/[^"]*)"', page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "//" not in page.text
    assert {"/schema", "/health", "/metrics"} <= set(links)
    for link in links:
        assert (await keeper.http.get(link)).status_code == 200


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html;q=0, */*", "nonsense;;,"])
async def test_whoever_else_asks_is_given_links(keeper: Keeper, accept: str) -> None:
    answer = await keeper.http.get("/", headers={"accept": accept})

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "accept"
    assert answer.json()["name"] == "session-keeper"
    for name, link in answer.json()["links"].items():
        assert (await keeper.http.get(link)).status_code == (405 if name == "events" else 200)
