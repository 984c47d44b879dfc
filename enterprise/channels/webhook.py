"""Sending one signed POST to a receiver: checked address, no redirect, a limit to its patience."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from enterprise.faults import Fault
from enterprise.outbound import Guard, Network, session_of, tls_context
from enterprise.outbound_faults import fault_of_error, wait_asked

_AGAIN = (408, 425, 429)


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256``, made as GitHub makes its own."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def check_receiver(url: str) -> str:
    """The origin of a receiver's address, as it is shown. Raises Fault ``bad_receiver_address``."""
    parts, port, readable = urlsplit(""), None, len(url) <= 2000
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        readable = False
    if (
        not readable
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.fragment
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise Fault("bad_receiver_address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float,
    ca_bundle: str = "",
    allow_loopback: bool = False,
    admitted: Sequence[Network] = (),
) -> int:
    """Send ``body`` and give the status of an answer that is a success (2xx).

    ``timeout`` (seconds) holds for the connection and for the whole header; the answer's body is not
    read. Anything else is raised as a Fault, ``status`` among its parameters where there was one.
    """
    parts = urlsplit(check_receiver(url))
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    guard = Guard(allow_loopback, not secure, public_only=True, admitted=admitted)
    context = tls_context(ca_bundle) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    fault: Fault | None = None
    with session_of(guard, context) as session:
        try:
            response = session.post(
                url,
                data=body,
                headers=dict(headers),
                timeout=timeout,
                stream=True,
                allow_redirects=False,
            )
        except Fault as refused:
            fault = refused
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = fault_of_error(error, host)
        else:
            status, answered = response.status_code, response.headers
            response.close()
    if fault is not None:  # outside of the handler: the original error quotes the address
        if fault.code in _OURS:
            raise Fault(_OURS[fault.code], **fault.params)
        raise fault
    if 200 <= status < 300:
        return status
    raise _fault_of(status, answered)


_OURS = {"plain_http_refused": "receiver_plain_http", "tls_failed": "receiver_tls_failed"}


def _fault_of(status: int, headers: Mapping[str, str]) -> Fault:
    if 300 <= status < 400:
        return Fault("receiver_redirects", status=status)
    if status == 410:
        return Fault("receiver_gone", status=status)
    if status >= 500 or status in _AGAIN:
        after = wait_asked(headers, time.time())
        return Fault("receiver_failed", retry=True, after=after, status=status)
    return Fault("receiver_refused", status=status)
