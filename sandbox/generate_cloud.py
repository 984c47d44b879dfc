"""The cloud's half of a generated world: accounts, identities, invitations, subscribers."""

from __future__ import annotations

from sandbox.people import MAIN_DOMAIN, Draft, Person, look_alike, new_name, spell
from sandbox.world import CloudUser, Identity, Invitation, Subscriber

CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"

#: How the enterprise can see that an address belongs to a cloud account, and how often.
STYLES = {
    "verified": 55,  # a verified-domain e-mail
    "name_id": 15,  # the SAML NameID
    "identity": 10,  # another SAML or SCIM value, only in GraphQL
    "hidden": 10,  # not at all: GitHub may know and link
    "apart": 10,  # the server has another address: this person counts twice
}


def add_cloud(draft: Draft, accounts: int) -> None:
    """Add so many cloud accounts, and in proportion what else ``consumed-licenses`` lists."""
    for _ in range(accounts):
        _add_account(draft)
    _share_addresses(draft, accounts // 60)
    _add_rows_without_account(draft, accounts // 40)


def _add_account(draft: Draft) -> None:
    rng, answers = draft.rng, draft.answers
    number = draft.next_number()
    name = new_name(rng, number)
    style = rng.choices([*STYLES], [*STYLES.values()])[0]
    organization = rng.choice(draft.world.organizations)
    user = CloudUser(
        login=name.login,
        name=name.full if rng.random() < 0.9 else "",
        member_roles=(f"{organization}:{rng.choice(['Member'] * 9 + ['Owner'])}",),
        enterprise_roles=("Owner",) if number <= 2 else ("Member",),
        pending_invites=draft.world.organizations[-1:] if rng.random() < 0.03 else (),
        two_factor=rng.choice([True, True, True, False, None]),
        cost_center=rng.choice(["", "", "Research", "Sales"]),
    )
    person = Person(name.mailbox, name.login, link_share=0.95)
    if style in {"verified", "apart"}:
        user.verified_emails = (spell(rng, name.mailbox),)
        if rng.random() < 0.1:
            user.verified_emails += (f"alias.{number}@{MAIN_DOMAIN}",)
        answers.visible[name.mailbox] = name.login
    elif style == "name_id":
        user.saml_name_id = spell(rng, name.mailbox)
        answers.visible[name.mailbox] = name.login
    else:
        person.steady = True
        person.link_share = 0.7
    if draft.world.identity_provider and style in {"name_id", "identity"}:
        user.identity = Identity(name_id=user.saml_name_id)
        if draft.world.identity_provider == "organizations":
            user.identity.organization = organization
        if style == "identity":
            user.saml_name_id = user.identity.name_id = f"0oa{number:08}"
            _put(user.identity, spell(rng, name.mailbox), rng.randrange(6), number)
            answers.by_identity[name.mailbox] = name.login
    if rng.random() < 0.08:
        user.visual_studio_status = "Matched"
        known = user.verified_emails[:1] or (f"vs.{number}@{MAIN_DOMAIN}",)
        user.visual_studio_email = known[0]
    draft.world.cloud.append(user)
    if style == "apart":
        person = Person(look_alike(rng, name.mailbox))
        draft.world.apart[person.mailbox] = name.login
    draft.people.append(person)


def _put(identity: Identity, address: str, place: int, number: int) -> None:
    """Make the address one of the identity's linked values, and only one."""
    match place:
        case 0:
            identity.attributes = ((f"{CLAIMS}/name", address),)
        case 1:
            identity.attributes = ((f"{CLAIMS}/emailaddress", address),)
        case 2:
            identity.username = address
        case 3:
            identity.emails = (address,)
        case 4:
            identity.scim_username = address
        case _:
            identity.scim_username = f"E{number}"
            identity.scim_emails = (address,)


def _share_addresses(draft: Draft, count: int) -> None:
    """Addresses for which two cloud accounts are candidates: rule 4 of section 3 decides."""
    visible = draft.answers.visible
    by_login = {user.login: user for user in draft.world.cloud}
    people = [person for person in draft.people if person.login]
    if len(people) < 2:
        return
    for first in draft.rng.sample(people, min(count, len(people))):
        second = draft.rng.choice(people)
        if second is first:
            continue
        by_login[second.login].verified_emails += (first.mailbox,)
        if first.mailbox in visible and by_login[first.login].saml_name_id:
            continue  # a NameID goes before a verified e-mail
        rivals = [first.login] if first.mailbox in visible else []
        visible[first.mailbox] = min([*rivals, second.login], key=str.casefold)


def _add_rows_without_account(draft: Draft, count: int) -> None:
    for place in range(count):
        mailbox = new_name(draft.rng, draft.next_number()).mailbox
        draft.people.append(Person(mailbox))
        status = "Pending Invitation" if place % 4 == 2 else "Matched"
        if place % 2:
            draft.world.invitations.append(Invitation(mailbox))
        else:
            draft.world.subscribers.append(Subscriber(mailbox, status))
        if place % 2 or status == "Matched":
            draft.answers.visible[mailbox] = mailbox
