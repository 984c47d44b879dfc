"""``python -m tests.system.register ADDRESSES.json``: many enterprises that read the same fleet.

Run in a console's own environment. ADDRESSES is what ``Fleet.addresses`` says, with ``slugs``, the
enterprises to register: each with every instance connected and enabled, nothing read yet. Prints the
cookie of a session of the first one's owner.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def register(addresses: dict[str, Any]) -> None:
    from django.db import transaction

    from enterprise.services.audit import SYSTEM
    from enterprise.services.connect import connect_enable, license_sync_set
    from enterprise.services.enterprises import enterprise_add, enterprise_token_set
    from enterprise.services.servers import instance_add, instance_token_set

    ghec = addresses["ghec"]
    for slug in addresses["slugs"]:
        with transaction.atomic():
            enterprise = enterprise_add(actor=SYSTEM, slug=slug, api_url=ghec["url"])
            enterprise_token_set(enterprise=enterprise, actor=SYSTEM, token=ghec["token"])
            for host_name, site in addresses["instances"].items():
                instance = instance_add(
                    enterprise=enterprise, actor=SYSTEM, host_name=host_name, url=site["url"]
                )
                username, token = site["username"], site["token"]
                instance_token_set(instance=instance, actor=SYSTEM, username=username, token=token)
                connect_enable(instance=instance, actor=SYSTEM)
                license_sync_set(instance=instance, enabled=True, actor=SYSTEM)


def sign_in(slug: str) -> str:
    """Make an owner and a session; its cookie."""
    from django.test import Client

    from enterprise.models import Enterprise, Membership, Role, User

    owner = User.objects.create_user("owner")
    enterprise = Enterprise.objects.get(slug=slug)
    Membership.objects.create(user=owner, enterprise=enterprise, role=Role.OWNER)
    client = Client()
    client.force_login(owner)
    return client.cookies["licsync_session"].value


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")
    import django

    django.setup()
    wanted = json.loads(Path(sys.argv[1]).read_text())
    register(wanted)
    print(sign_in(wanted["slugs"][0]))
