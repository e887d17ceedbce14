"""The contract that Genesys Cloud does not have is warned of on its own hosts only."""

import pytest

from adapters.genesys.real_hosts import is_genesys_host, warnings_of
from domain.sync import SyncTarget

GENESYS = [
    "https://api.mypurecloud.com",
    "https://api.mypurecloud.com.au",
    "https://API.MyPureCloud.DE:443/base",
    "https://api.usw2.pure.cloud",
    "https://api.use2.us-gov-pure.cloud",
    "https://api.edee1.eusc-pure.cloud.",
]
OTHERS = [
    "http://127.0.0.1:8765",
    "http://[::1]:8765",
    "https://gateway.example/api.mypurecloud.com",
    "https://api.mypurecloud.com.evil.example",
    "https://notmypurecloud.com",
    "https://impure.cloud",
    "https://[not an address",
    "",
]


@pytest.mark.parametrize("url", GENESYS)
def test_a_target_that_genesys_does_not_have_is_warned_of(url: str) -> None:
    (warning,) = warnings_of(SyncTarget.MESSAGING_SESSIONS, url)

    assert url in warning
    assert "participant-attributes" in warning
    assert "\n" not in warning


@pytest.mark.parametrize("url", OTHERS)
def test_a_gateway_of_ones_own_may_have_it(url: str) -> None:
    assert not is_genesys_host(url)
    assert warnings_of(SyncTarget.MESSAGING_SESSIONS, url) == ()


@pytest.mark.parametrize("target", [SyncTarget.PARTICIPANT_ATTRIBUTES, SyncTarget.NONE])
@pytest.mark.parametrize("url", GENESYS)
def test_other_targets_are_well_everywhere(target: SyncTarget, url: str) -> None:
    assert is_genesys_host(url)
    assert warnings_of(target, url) == ()
