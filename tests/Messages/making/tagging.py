"""Cases about tags: what both files of them use."""
from . import keys
from .case import case
from .signing import dkim

EITHER = ["neutral", "permerror"]


def syntax(id, why, proves, sign, **words):
    words.setdefault("accept", EITHER)
    case(id, "neutral", why, proves, sign, **words)


def refused(id, why, proves, sign, **words):
    words.setdefault("accept", ["permerror", "neutral"])
    case(id, "permerror", why, proves, sign, **words)


def tagged(extra, **words):
    return dkim(keys.usual(), extra=extra, **words)


def templated(text, **words):
    return dkim(keys.usual(), template="{name}: " + text, **words)
