"""Which names of columns, tags and files say that what follows is about a person and not about an image."""

import re
from dataclasses import replace
from functools import partial

from synthgain.sources.record import Record, refuse

_WHOSE = "patient|first|last|middle|given|family|full|birth|maiden|sur"
_PERSONAL = re.compile(
    rf"({_WHOSE})s?names?$|^(name|dob|mrn|ssn|nhsnumber|zip|zipcode)$|"
    r"birthda(te|y)|dateofbirth|address|postcode|postalcode|phone|telephone|email|socialsecurity|medicalrecord|"
    r"insurance(number|id)|passport|accessionnumber"
)
"""In names without signs and capitals."""


def identifies(name: str) -> bool:
    """Whether what has this name identifies a person."""
    return _PERSONAL.search(re.sub(r"[^a-z0-9]", "", name.casefold())) is not None


_JOINED = re.compile(r"[^\W\d_]\^+[^\W\d_]")
JOINED = "parts of a name with '^' between them"
_IN_PATH = re.compile(
    rf"(?<![^\W_])((?:{_WHOSE})[-_ ]?names?"
    r"|name(?=[-_ =]+[^\W\d_]{2})|dob|mrn|ssn|birth[-_ ]?da(?:te|y)|date[-_ ]?of[-_ ]?birth)[-_ =]+[^\W_]"
    rf"|{_JOINED.pattern}",
    re.IGNORECASE,
)
"""A key with its value (``patient-name_roe``, ``dob 1970``), or parts of a name as DICOM writes them (``ROE^JANE``)."""


def withheld(path: str) -> str:
    """The path (POSIX) with ``(withheld)`` for each part that names a person."""
    return "/".join("(withheld)" if _IN_PATH.search(part) else part for part in path.split("/"))


def without_name(record: Record) -> Record:
    """The record; where a part of its path names a person, one that refuses and keeps that part to itself."""
    found = _IN_PATH.search(record.origin)
    if found is None:
        return record
    said = f"it holds {found[1].lower()!r}" if found[1] else f"it holds {JOINED}"
    load = partial(refuse, "personal data in the name of the file", f"{said}; rename it")
    return replace(record, origin=withheld(record.origin), load=load)


def is_name(value: str) -> bool:
    """Whether the value is written as DICOM writes the name of a person."""
    return _JOINED.search(value) is not None
