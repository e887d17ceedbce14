"""Genesys Cloud's own hosts, and what to warn of before they are called.

Source: the region hosts of the official SDKs (`purecloud_region_hosts.py`).
"""

import re
from urllib.parse import urlsplit

from domain.sync import SyncTarget

_GENESYS_HOST = re.compile(r"(?:.*\.)?mypurecloud(?:\.[a-z]{2,3}){1,2}|(?:.*[.-])?pure\.cloud")


def is_genesys_host(url: str) -> bool:
    """Whether a URL is of Genesys Cloud itself, and not of an emulator or a gateway."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return _GENESYS_HOST.fullmatch(host.rstrip(".")) is not None


def warnings_of(target: SyncTarget, api_url: str) -> tuple[str, ...]:
    """What an operator should be told at start and by `doctor`, in one line each; none if all is well.

    Args:
        api_url: where the calls go, as `https://api.mypurecloud.de`.
    """
    if target is SyncTarget.MESSAGING_SESSIONS and is_genesys_host(api_url):
        warning = (
            f"the sync target messaging-sessions is for a gateway of your own: Genesys Cloud ({api_url}) has "
            "no PATCH /api/v2/messaging/sessions, so every call will be refused; set "
            "SESSION_KEEPER_SYNC_TARGET to participant-attributes"
        )
        return (warning,)
    return ()
