"""The regions of Genesys Cloud, and what people write in their place.

Source: the region tables of Genesys' official client libraries. New regions appear, so an unknown host is
taken.
"""

import re
from urllib.parse import urlsplit

HOST_OF_AWS_REGION = {
    "us-east-1": "mypurecloud.com",
    "us-east-2": "use2.us-gov-pure.cloud",
    "us-west-2": "usw2.pure.cloud",
    "ca-central-1": "cac1.pure.cloud",
    "mx-central-1": "mxc1.pure.cloud",
    "sa-east-1": "sae1.pure.cloud",
    "eu-west-1": "mypurecloud.ie",
    "eu-west-2": "euw2.pure.cloud",
    "eu-central-1": "mypurecloud.de",
    "eu-central-2": "euc2.pure.cloud",
    "eusc-de-east-1": "edee1.eusc-pure.cloud",
    "me-central-1": "mec1.pure.cloud",
    "ap-south-1": "aps1.pure.cloud",
    "ap-southeast-1": "apse1.pure.cloud",
    "ap-southeast-2": "mypurecloud.com.au",
    "ap-northeast-1": "mypurecloud.jp",
    "ap-northeast-2": "apne2.pure.cloud",
    "ap-northeast-3": "apne3.pure.cloud",
}
HOSTS = frozenset(HOST_OF_AWS_REGION.values())
_AWS_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")
_SERVICES = frozenset({"api", "login", "apps", "signin", "webmessaging", "api-cdn", "www"})


def is_aws_region(text: str) -> bool:
    return bool(_AWS_REGION.fullmatch(text.lower()))


def region_host(text: str) -> str:
    """The region host that a text means: of a URL, of a host of one service, or of an AWS region.

    `https://api.mypurecloud.de/` and `eu-central-1` both mean `mypurecloud.de`. What is none of these comes
    back as it is.
    """
    host = text.lower().partition("://")[2].partition("/")[0] if "://" in text else text.lower().strip("/")
    first, _, rest = host.partition(".")
    if first in _SERVICES and ("." in rest or is_aws_region(rest)):
        host = rest
    return HOST_OF_AWS_REGION.get(host, host)


def is_genesys_cloud(url: str) -> bool:
    """Whether a URL leads to Genesys Cloud itself, and not to an emulator or a gateway."""
    host = urlsplit(url).hostname or ""
    return any(host == domain or host.endswith("." + domain) for domain in HOSTS) or host.endswith(
        (".pure.cloud", ".us-gov-pure.cloud", ".eusc-pure.cloud")
    )
