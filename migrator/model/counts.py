"""A number and what there are so many of: ``1 row of orders holds NULL``, ``12 rows of orders hold NULL``."""

from __future__ import annotations

_VERBS = {
    "are": "is", "belong": "belongs", "conflict": "conflicts", "differ": "differs", "have": "has", "hold": "holds",
    "need": "needs", "occur": "occurs", "point": "points", "stream": "streams", "use": "uses", "violate": "violates",
    "wait": "waits", "were": "was",
}  # fmt: skip


def counted(number: int, said: str) -> str:
    """What so many do, in the singular for one of them.

    Args:
        number: how many.
        said: of more than one, the noun first: ``rows of orders hold NULL``. Where the noun is not in the plural, it is
            said as it is: the number only tells that it is so.
    """
    noun, _, rest = said.partition(" ")
    if not noun.endswith("s"):
        return said
    if number != 1:
        return f"{number:,} {said}"
    words = rest.split(" ")
    found = next((at for at, word in enumerate(words) if word in _VERBS), None)
    for at, word in enumerate(words):
        if word in _VERBS and (at == found or words[at - 1] == "and"):
            words[at] = _VERBS[word]
    return " ".join([f"1 {noun.removesuffix('s')}", *filter(None, words)])
