"""Why a host cannot be reached, step by step: name, connection, proxy, TLS. Nothing is sent to Genesys."""

import asyncio
import base64
import socket
import ssl
from urllib.parse import unquote, urlsplit

import httpx

PORTS = {"http": 80, "https": 443}


class _Unreachable(Exception):
    """The step that failed, in words."""


async def why_unreachable(url: str, proxy_url: str | None, *, seconds_max: float) -> str | None:
    """What fails on the way to the host of a URL, with the host's name; None: nothing does.

    Args:
        proxy_url: the HTTP proxy on the way; its user and password are never part of the answer.
        seconds_max: for all steps together.
    """
    target, proxy = _place(url), None if proxy_url is None else _place(proxy_url)
    first = target if proxy is None else proxy
    name = f"{first[0]}:{first[1]}" if proxy is None else f"the proxy {first[0]}:{first[1]}"
    try:
        async with asyncio.timeout(seconds_max):
            await _try(target, first, name, proxy_url, tls=urlsplit(url).scheme == "https")
    except _Unreachable as step:
        return str(step)
    except TimeoutError:
        return f"{name} does not answer within {seconds_max:g} s"
    return None


async def _try(
    target: tuple[str, int], first: tuple[str, int], name: str, proxy_url: str | None, *, tls: bool
) -> None:
    await _resolve(first[0], name)
    try:
        reader, writer = await asyncio.open_connection(*first)
    except ConnectionRefusedError as error:
        raise _Unreachable(f"{name} refuses connections") from error
    except OSError as error:
        raise _Unreachable(f"{name} cannot be reached: {error.strerror or type(error).__name__}") from error
    try:
        if proxy_url is not None and tls:
            await _tunnel(reader, writer, target, name, proxy_url)
        if tls:
            await _shake_hands(writer, target[0])
    finally:
        writer.close()


async def _resolve(host: str, name: str) -> None:
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _Unreachable(f"the name of {name} is not known (DNS: {error.strerror or error})") from error


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int], name: str, proxy: str
) -> None:
    parts = urlsplit(proxy)
    lines = [f"CONNECT {target[0]}:{target[1]} HTTP/1.1", f"Host: {target[0]}:{target[1]}"]
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise _Unreachable(f"{name} is no HTTP proxy: it does not answer to CONNECT") from error
    status = head.split(b"\r\n", 1)[0].split(b" ")[1:2]
    if status != [b"200"]:
        said = status[0].decode("ascii", "replace")[:10] if status else "nonsense"
        raise _Unreachable(f"{name} answers {said} to CONNECT {target[0]}:{target[1]}")


async def _shake_hands(writer: asyncio.StreamWriter, host: str) -> None:
    """With the certificates that the calls themselves trust."""
    try:
        await writer.start_tls(httpx.create_ssl_context(trust_env=False), server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        said = f"{host} shows a certificate that is not trusted (TLS: {error.verify_message})"
        raise _Unreachable(said) from error
    except (ssl.SSLError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise _Unreachable(f"{host} does not speak TLS (TLS: {reason})") from error


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]
