"""Why a mapping of cost centers is not taken."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ALLOCATION_FAULTS: dict[str, str | Promise] = {
    "mapping_not_csv": _(
        "The file is not CSV in UTF-8 at line %(line)s. Save it as such; nothing of it was taken."
    ),
    "mapping_bad_head": _(
        "The first line is not the header %(expected)s. Put it there; nothing of the file was taken."
    ),
    "mapping_bad_row": _(
        "Line %(line)s does not have an identifier (e-mail address, HOST:ID or login) and a cost center of at most 200 characters. Mend it; nothing of the file was taken."
    ),
    "mapping_twice": _(
        "Line %(line)s gives an identifier another cost center than a line before. Keep one of them; nothing of the file was taken."
    ),
    "mapping_too_long": _(
        "The file has more than %(most)s entries. Leave out those that GitHub's cost centers cover."
    ),
}
