"""Generated enterprises in which collisions are common."""

from __future__ import annotations

from hypothesis import strategies as st

from enterprise.emails import normalize
from enterprise.records import AccountInput, CloudInput

NASTY = (
    "",
    "   ",
    "a@x.com",
    "A@X.com ",
    "b@x.com",
    "a+tag@x.com",
    "a@x.com#2",
    "mona",
    "mona#2",
    "straße@x.com",
    "strasse@x.com",
    "jos\u00e9@x.com",
    "jose\u0301@x.com",
    "JOSÉ@x.com",
    "a@straße.example",
    "a@strasse.example",
    "a@xn--strae-oqa.example",
    "a@BÜCHER.example",
    "a@xn--bcher-kva.example",
    '"a b"@x.com',
    '"a@b"@x.com',
    "a b@x .com",
    "İ@x.com",
    "ﬁ@x.com",
    "ghes1:1",
    "x" * 308 + "@example.com",
)

emails = st.sampled_from(sorted({normalize(each) for each in NASTY}))
logins = st.sampled_from(("", "", "mona", "Mona", "MONA", "Straße", "strasse", "mona#2", "a@x.com"))
account_names = st.builds(
    "{}:{}".format, st.sampled_from(("ghes1", "ghes2")), st.integers(min_value=1, max_value=4)
)


def several(values: st.SearchStrategy[str], most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, max_size=most).map(tuple)


cloud_rows = st.builds(
    CloudInput,
    ref=st.integers(),
    login=logins,
    subscription_email=emails | st.just(""),
    identities=st.lists(st.tuples(st.integers(0, 4), emails), max_size=2).map(tuple),
    emails=several(emails),
    server_refs=several(account_names),
    server_emails=several(emails.filter(bool)),
    sort_text=st.sampled_from("abc"),
)
clouds = st.lists(cloud_rows, max_size=5, unique_by=lambda row: row.ref)
fleets = st.lists(
    st.builds(AccountInput, account=account_names, email=emails),
    max_size=8,
    unique_by=lambda account: account.account,
)
