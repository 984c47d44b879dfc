"""The stand-in for one GHES instance: the site-admin report and the REST calls beside it."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.faults import Fault
from sandbox.report import Mark, mark, render_report, tamper
from sandbox.site import Access, Site, with_etag
from sandbox.transport import Reply, Request, error, html, json_reply, redirect
from sandbox.world import GhesInstance, GhesUser, World

REPORT = "/stafftools/reports/all_users.csv"
SCIM = "application/scim+json; charset=utf-8"
SCHEMA = "urn:ietf:params:scim:"
URL_FIELDS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}


class GhesSite(Site):
    """One instance on a loopback port.

    ``preparing`` is how many 202s come before each report. ``refusal`` is what a wrong or weak
    token gets for the report: 401, 403, 404, ``"html"`` (a sign-in page with status 200) or
    ``"redirect"`` (to that page). With ``private_mode`` even ``/meta`` wants a token;
    ``rate_limiting`` switches the rate limits on, which are off by default.
    """

    docs = "https://docs.github.com/enterprise-server@3.19/rest"

    def __init__(
        self, world: World, instance: GhesInstance, *, token: str, port: int, latency: float
    ):
        access = Access(scopes=frozenset({"site_admin", "admin:enterprise"}))
        super().__init__(world, token=token, access=access, port=port, latency=latency)
        self.host_name = instance.host_name
        self.username = access.login
        self.preparing = 0
        self.refusal: int | str = 401
        self.private_mode = False
        self.rate_limiting = False
        self._making = threading.Lock()
        self._asked = 0
        self._made: tuple[Mark, bytes] | None = None

    @property
    def instance(self) -> GhesInstance:
        """The instance as the world has it now."""
        return self.world.instances[self.host_name]

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        kind = fault.kind if fault else ""
        access = self.authorize(request)
        if request.path.startswith("/stafftools/"):
            return self._stafftools(request, access, kind)
        path = request.path.removeprefix("/api/v3")
        if isinstance(access, Reply):
            return access
        if access is None and (self.private_mode or path != "/meta"):
            return error(401, "Requires authentication", self.docs)
        reply = self._api(path, request, access, kind) if path != request.path else None
        if reply is None:
            return error(404, "Not Found", self.docs)
        return with_etag(request, self._headed(reply, access))

    def _headed(self, reply: Reply, access: Access | None) -> Reply:
        reply.headers["X-GitHub-Request-Id"] = str(uuid.uuid4())
        reply.headers["X-GitHub-Enterprise-Version"] = self.instance.version
        reply.headers["X-OAuth-Scopes"] = ", ".join(sorted(access.scopes)) if access else ""
        if self.rate_limiting:
            reply.headers |= {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999"}
        return reply

    # --- The report ----------------------------------------------------------------------------

    def _stafftools(self, request: Request, access: Access | Reply | None, kind: str) -> Reply:
        basic = request.headers.get("authorization", "").lower().startswith("basic ")
        if not basic or not isinstance(access, Access) or "site_admin" not in access.scopes:
            return self._refuse()
        if request.path != REPORT:
            return Reply(404, b"Not Found", "text/html; charset=utf-8")
        with self._making:
            if self._asked < self.preparing:
                self._asked += 1
                return Reply(202, b"", "text/html; charset=utf-8")
            self._asked = 0
            return Reply(200, self._report(kind), "text/csv; charset=utf-8")

    def _refuse(self) -> Reply:
        if self.refusal == "html":
            return html()
        if self.refusal == "redirect":
            return redirect(f"{self.url}/login?return_to={REPORT}")
        reply = html(int(self.refusal))
        reply.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
        return reply

    def _report(self, kind: str) -> bytes:
        users = list(self.instance.users.values())
        if kind:
            return render_report(tamper(users, kind))
        now = mark(users)
        if self._made is None or self._made[0] != now:
            self._made = (now, render_report(users))
        return self._made[1]

    # --- REST ----------------------------------------------------------------------------------

    def _api(self, path: str, request: Request, access: Access | None, kind: str) -> Reply | None:
        calls: list[tuple[str, Callable[..., Reply], bool]] = [
            (r"/meta", self._meta, False),
            (r"/rate_limit", self._rate_limit, False),
            (r"/enterprise/settings/license", self._license, True),
            (r"/enterprise/stats/users", self._stats, True),
            (r"/users", self._users, False),
            (r"/users/([^/]+)", self._user, False),
            (r"/scim/v2/enterprises/([^/]+)/Users", self._scim, True),
        ]
        for pattern, call, privileged in calls:
            found = re.fullmatch(pattern, path)
            if found and request.method == "GET":
                scopes = access.scopes if access else frozenset()
                if privileged and not {"site_admin", "admin:enterprise"} & scopes:
                    return error(404, "Not Found", self.docs)
                return call(request, kind, *found.groups())
        return None

    def _meta(self, _request: Request, _kind: str) -> Reply:
        return json_reply(
            {
                "verifiable_password_authentication": True,
                "packages": [],
                "domains": {"website": [f"*.{self.host_name}"]},
                "installed_version": self.instance.version,
            }
        )

    def _rate_limit(self, _request: Request, _kind: str) -> Reply:
        if not self.rate_limiting:
            return error(404, "Rate limiting is not enabled.", f"{self.docs}/rate-limit")
        rate = {"limit": 5000, "used": 1, "remaining": 4999, "reset": 2_000_000_000}
        return json_reply({"resources": {"core": rate, "search": rate}, "rate": rate})

    def _license(self, _request: Request, _kind: str) -> Reply:
        instance = self.instance
        seats, used = instance.seats, instance.seats_used
        return json_reply(
            {
                "seats": seats,
                "seats_used": used,
                "seats_available": seats - used if isinstance(seats, int) else seats,
                "kind": instance.license_kind,
                "days_until_expiration": instance.days_until_expiration,
                "expire_at": instance.expire_at,
            }
        )

    def _stats(self, _request: Request, kind: str) -> Reply:
        users = tamper(self.instance.users.values(), kind)
        return json_reply(
            {
                "total_users": len(users),
                "admin_users": sum(user.role == "admin" for user in users),
                "suspended_users": sum(user.suspended for user in users),
            }
        )

    def _users(self, request: Request, kind: str) -> Reply:
        since = request.number("since", 0)
        size = min(request.number("per_page", 30), 100)
        later = [user for user in tamper(self.instance.users.values(), kind) if user.id > since]
        page = sorted(later, key=lambda user: user.id)[:size]
        reply = json_reply([self._simple_user(user) for user in page])
        if len(later) > size:
            url = f"{self.url}/api/v3/users?per_page={size}&since={page[-1].id}"
            reply.headers["Link"] = f'<{url}>; rel="next"'
        return reply

    def _user(self, _request: Request, _kind: str, login: str) -> Reply:
        for user in self.instance.users.values():
            if user.login.casefold() == login.casefold():
                stamp = user.created_at[:19].replace(" ", "T") + "Z"
                return json_reply(
                    self._simple_user(user)
                    | dict.fromkeys(("name", "company", "blog", "location", "hireable", "bio"))
                    | dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
                    | {"email": user.email or None, "created_at": stamp, "updated_at": stamp}
                )
        return error(404, "Not Found", f"{self.docs}/users/users#get-a-user")

    def _simple_user(self, user: GhesUser) -> dict[str, Any]:
        api = f"{self.url}/api/v3/users/{user.login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "avatar_url": f"{self.url}/avatars/u/{user.id}",
            "gravatar_id": "",
            "url": api,
            "html_url": f"{self.url}/{user.login}",
            "type": "User",
            "site_admin": user.role == "admin",
        } | {name: f"{api}/{rest}" for name, rest in URL_FIELDS.items()}

    def _scim(self, request: Request, kind: str, _enterprise: str) -> Reply:
        users = [u for u in tamper(self.instance.users.values(), kind) if u.provisioned]
        wanted = request.query.get("filter", "")
        if wanted:
            found = re.fullmatch(r'(userName|externalId|id) eq "([^"]*)"', wanted)
            if not found:
                problem = {"schemas": [f"{SCHEMA}api:messages:2.0:Error"], "status": 400}
                return json_reply(
                    problem | {"scimType": "invalidFilter", "detail": "Invalid filter"},
                    400,
                    content_type=SCIM,
                )
            users = [u for u in users if self._scim_user(u)[found[1]] == found[2]]
        start = request.number("startIndex", 1)
        size = min(request.number("count", 30), 100)
        page = users[start - 1 : start - 1 + size]
        return json_reply(
            {
                "schemas": [f"{SCHEMA}api:messages:2.0:ListResponse"],
                "totalResults": len(users),
                "startIndex": start,
                "itemsPerPage": len(page),
                "Resources": [self._scim_user(user) for user in page],
            },
            content_type=SCIM,
        )

    def _scim_user(self, user: GhesUser) -> dict[str, Any]:
        # The SCIM id is the identity provider's view, with no user ID of GHES in it.
        emails = [{"value": user.email, "type": "work", "primary": True}] if user.email else []
        scim_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.host_name}:{user.id}"))
        stamp = user.created_at[:19].replace(" ", "T") + ".000Z"
        return {
            "schemas": [f"{SCHEMA}schemas:core:2.0:User"],
            "id": scim_id,
            "externalId": f"E{user.id:06}",
            "userName": user.login,
            "displayName": user.login,
            "active": not user.suspended,
            "emails": emails,
            "roles": [{"value": "enterprise_owner" if user.role == "admin" else "user"}],
            "meta": {"resourceType": "User", "created": stamp, "lastModified": stamp},
        }
