"""Which names of columns and tags say that their value is about a person and not about an image."""

import re

_PERSONAL = re.compile(
    r"(patient|first|last|middle|given|family|full|birth|maiden|sur)s?names?$|^(name|dob|mrn|ssn|nhsnumber|zip|zipcode)$|"
    r"birthda(te|y)|dateofbirth|address|postcode|postalcode|phone|telephone|email|socialsecurity|medicalrecord|"
    r"insurance(number|id)|passport|accessionnumber"
)
"""In names without signs and capitals."""


def identifies(name: str) -> bool:
    """Whether what has this name identifies a person."""
    return _PERSONAL.search(re.sub(r"[^a-z0-9]", "", name.casefold())) is not None
