"""The stand-in for GHEC's API: licensing by REST, and GraphQL."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.faults import Fault
from sandbox.graph import execute
from sandbox.licenses import Rows, consumed_rows, tamper_rows
from sandbox.site import Access, Site, with_etag
from sandbox.transport import Reply, Request, error, json_reply
from sandbox.world import World

ACCEPTED_SCOPES = frozenset({"admin:enterprise", "manage_billing:enterprise", "read:enterprise"})
SSO_MESSAGE = (
    "Resource protected by organization SAML enforcement. "
    "You must grant your Personal Access token access to this organization."
)
LIMIT = 5000


class GhecSite(Site):
    """GHEC on a loopback port. ``remaining`` is what is left of the token's rate limit."""

    docs = "https://docs.github.com/enterprise-cloud@latest/rest"

    def __init__(self, world: World, *, token: str, port: int, latency: float):
        access = Access(scopes=frozenset({"read:enterprise"}))
        super().__init__(world, token=token, access=access, port=port, latency=latency)
        self.remaining = LIMIT * 1000
        self._rows_lock = threading.Lock()
        self._rows: Rows | None = None

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        access = self.authorize(request)
        if access is None:
            return error(401, "Requires authentication", self.docs)
        if isinstance(access, Reply):
            return access
        reply = self._limited() or self._routed(request, access, fault)
        reset = int(time.time()) + 3600
        reply.headers |= {
            "X-GitHub-Request-Id": str(uuid.uuid4()),
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-OAuth-Scopes": ", ".join(sorted(access.scopes)),
            "X-Accepted-OAuth-Scopes": ", ".join(sorted(ACCEPTED_SCOPES)),
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(min(self.remaining, LIMIT)),
            "X-RateLimit-Used": str(LIMIT - min(self.remaining, LIMIT)),
            "X-RateLimit-Reset": str(reset),
            "X-RateLimit-Resource": "graphql" if request.path == "/graphql" else "core",
        }
        if access.sso_required:
            reply.headers["X-GitHub-SSO"] = (
                f"required; url=https://github.com/enterprises/{self.world.slug}/sso"
            )
        return with_etag(request, reply)

    def _limited(self) -> Reply | None:
        if self.remaining <= 0:
            return error(403, "API rate limit exceeded for user ID 1.", f"{self.docs}/rate-limit")
        self.remaining -= 1
        return None

    def _routed(self, request: Request, access: Access, fault: Fault | None) -> Reply:
        if request.path == "/graphql" and request.method == "POST":
            return self._graphql(request, access, fault)
        calls: dict[str, Callable[[Request, Fault | None], Reply]] = {
            "consumed-licenses": self._consumed_licenses,
            "license-sync-status": self._license_sync_status,
            "visual-studio-subscriptions": self._visual_studio_subscriptions,
        }
        found = re.fullmatch(r"/enterprises/([^/]+)/([a-z-]+)", request.path)
        if not found or found[2] not in calls or request.method != "GET":
            return error(404, "Not Found", self.docs)
        docs = f"{self.docs}/enterprise-admin/licensing"
        if not self.world.is_called(found[1]):
            return error(404, "Not Found", docs)
        if access.sso_required:
            return error(403, SSO_MESSAGE, docs)
        if access.ip_blocked:
            return error(403, self._ip_message(), docs)
        if not access.scopes & ACCEPTED_SCOPES:
            return error(403, "You need the read:enterprise scope to use this endpoint.", docs)
        if not access.owner:
            return error(404, "Not Found", docs)
        return calls[found[2]](request, fault)

    def _ip_message(self) -> str:
        return (
            "Although you appear to have the correct authorization credentials, the "
            f"`{self.world.slug}` enterprise has an IP allow list enabled, and your IP address is "
            "not permitted to access this resource."
        )

    # --- REST ----------------------------------------------------------------------------------

    def _consumed_licenses(self, request: Request, fault: Fault | None) -> Reply:
        kind = fault.kind if fault else ""
        size = min(request.number("per_page", 30), 100)
        page = request.number("page", 1)
        if fault and kind == "large_pages" and size > fault.limit:
            return Reply(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html")
        rows = tamper_rows(self._listed(page), kind)
        last = max(1, -(-len(rows) // size))
        first = 0 if kind == "repeat_page" else (page - 1) * size
        shown = rows.between(first, first + size)
        if kind == "short_page" and page < last:
            shown = shown[:-1]
        if kind == "endless_pages" and page >= last:
            shown = [
                row | {"github_com_login": f"more-{page}-{number}", "github_com_user": True}
                for number, row in enumerate(rows.between(0, 1) * size)
            ]
        total = len(rows) + self.world.stated_total_offset
        reply = json_reply(
            {
                "total_seats_consumed": total - page if kind == "shrinking_total" else total,
                "total_seats_purchased": self.world.purchased,
                "users": shown,
            }
        )
        link = self._link(request, page, last, endless=kind == "endless_pages")
        if link:
            reply.headers["Link"] = link
        return reply

    def _listed(self, page: int) -> Rows:
        """The rows as of the last time somebody asked for page 1, so that a walk sees one list."""
        with self._rows_lock:
            if page == 1 or self._rows is None:
                self._rows = consumed_rows(self.world)
            return self._rows

    def _link(self, request: Request, page: int, last: int, *, endless: bool) -> str:
        def url(number: int) -> str:
            query = {k: v for k, v in request.query.items() if k != "page"} | {"page": str(number)}
            text = "&".join(f"{name}={value}" for name, value in query.items())
            return f"<{self.url}{request.path}?{text}>"

        parts = []
        if page > 1:
            parts.append(f'{url(min(page - 1, last))}; rel="prev"')
        if page < last or endless:
            parts.append(f'{url(page + 1)}; rel="next"')
        if page < last and not endless:
            parts.append(f'{url(last)}; rel="last"')
        if page > 1:
            parts.append(f'{url(1)}; rel="first"')
        return ", ".join(parts)

    def _license_sync_status(self, _request: Request, _fault: Fault | None) -> Reply:
        return json_reply(
            {
                "server_instances": [
                    {
                        "server_id": instance.server_id,
                        "hostname": instance.host_name,
                        "last_sync": {
                            "date": instance.last_sync_date,
                            "status": instance.last_sync_status,
                            "error": instance.last_sync_error,
                        },
                    }
                    for instance in self.world.instances.values()
                    if instance.connected
                ]
            }
        )

    def _visual_studio_subscriptions(self, request: Request, _fault: Fault | None) -> Reply:
        size = min(request.number("per_page", 30), 100)
        page = request.number("page", 1)
        given: list[tuple[str, str | None]] = [
            (user.visual_studio_email, user.login)
            for user in self.world.cloud
            if user.visual_studio_email
        ]
        given += [(subscriber.email, None) for subscriber in self.world.subscribers]
        if request.query.get("is_unmatched_only") == "true":
            given = [item for item in given if item[1] is None]
        reply = json_reply(
            {
                "total_count": len(given),
                "visual_studio_subscriptions": [
                    {
                        "visual_studio_subscription_email": email,
                        "subscription_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, email)),
                        "username": login,
                        "manual_match": False,
                    }
                    for email, login in given[(page - 1) * size : page * size]
                ],
            }
        )
        link = self._link(request, page, max(1, -(-len(given) // size)), endless=False)
        if link:
            reply.headers["Link"] = link
        return reply

    # --- GraphQL -------------------------------------------------------------------------------

    def _graphql(self, request: Request, access: Access, fault: Fault | None) -> Reply:
        docs = "https://docs.github.com/graphql"
        try:
            asked: Any = json.loads(request.body)
            query, variables = asked["query"], asked.get("variables") or {}
        except (ValueError, TypeError, KeyError):
            return error(400, "Problems parsing JSON", docs)
        refusal = SSO_MESSAGE if access.sso_required else ""
        if access.ip_blocked:
            refusal = self._ip_message()
        result = execute(self.world, query, variables, access, refusal=refusal, fault=fault)
        if result is None:
            return Reply(502, b'{"data":null,"errors":[{"message":"Something went wrong"}]}')
        return json_reply(result)
