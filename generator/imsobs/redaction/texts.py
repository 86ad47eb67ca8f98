"""Secrets inside texts: by the name before them, and by their own look where no scanner has it."""

from __future__ import annotations

from collections.abc import Sequence

from imsobs.redaction.attempts import Texts, any_of
from imsobs.redaction.keys import LAST_WORD, spelling, spellings

# A quote as it is written in texts, in texts inside texts, in URLs and in HTML.
_QUOTE = r"""(?:\\*["'`]|%22|%27|&(?:quot|#39|#34);)"""
# What gives a name its value: = := ::= ?= .= += => -> : || >, an element's attributes and its end,
# and what stands for = and : in URLs, JSON and HTML. ? is what becomes of a statement's literals.
_GIVES = (
    r"(?:[.+?:]{0,3}=>?|:|\|\||-?>|%3[ad]|\\+u003[ad]|&#(?:58|61|x3[ad]|\?);"
    r"""|(?:\s+[a-z:_-]+=(?:\\*["'][^"'<>]*["']|\?))+\s*>)"""
)
# Texts in quotes. The quotes of JSON inside JSON are escaped, those inside such a text twice.
_QUOTED = (
    r"""(?:\\*"){3}(?s:.*?)(?:\\*"){3}""",
    r"""(?:\\*'){3}(?s:.*?)(?:\\*'){3}""",
    r'"(?:[^"\\]|\\.)*"',
    r"'(?:[^'\\]|\\.)*'",
    r"`[^`]*`",
    r'\\"(?:[^"\\]|\\[^"\\]|\\\\(?:\\.|[^\\]))*\\"',
    r"&(?:quot|#39|#34);[^&]*",
    # Cut off, or quoted in a way of its own: the rest of the line.
    r"""\\*["'][^\n]*""",
)
# A new line, and how it is written in a text inside a text.
_LINE = r"(?:\n|\\+n)"
_CONTAINERS = (
    r"\[[^\]]*\]",
    r"\{[^}]*\}",
    # YAML: a block of lines, a list.
    rf"[|>][+-]?[0-9]?[ \t]*(?:{_LINE}[ \t]+[^\n\\]+)+",
    rf"(?:{_LINE}[ \t]*-[ \t]+[^\n\\]+)+",
)
# Authorization: of several parts; of one.
_SCHEME = r"""(?:aws4-[a-z0-9-]+|digest|hawk|negotiate|oauth|signature)\s+[^\n"'{}\[\]\\]+"""
_BARE = r"""(?:(?:bearer|basic|token|api-?key)(?:\s+|%20|\+))?[^\s,;&"'`}\])\\<]+"""
# What no ordinary value is: long, with a digit in it. Behind other words than those of _AFTER.
_RANDOM = r"[a-z_.-]*[0-9][\w.=-]{14,}"
# What a sentence says that a secret is: in quotes, or a word with a digit in it, which is no number
# of seconds and no word such as expired.
_SAID = r"""\\*["'`][^"'`\n]+["'`]?|[^\s"'`,;]{3,}[0-9][^\s"'`,;]*|[^\s"'`,;][0-9][^\s"'`,;]{3,}"""
# Words that may stand between the name and what gives it a value: token_value, string token_1.
_AFTER = (
    r"(?:[_.-]?(?:base|current|data|hash|json|key|new|old|pem|string|text|val(?:ue)?|[0-9]+)){0,2}"
    r"(?: string)?"
)


# First letters of names that share a class.
_NEIGHBOURS = ("ace", "st", "p")


def assignment(keys: Sequence[str]) -> str:
    """Return the pattern of a name with its value, in every form in which a text can carry it.

    JSON (inside JSON, cut off), Python's repr, argument lists and tuples, headers as pairs,
    query strings, environment files, connection strings, YAML, XML. A name may have words before
    it (``X-Api-Key``, ``userPassword``). Behind it only those of ``_AFTER``, so that ``max_tokens``
    is not a token, unless the value looks random.
    """
    given = rf"(?:[bfru]{{0,2}}(?:{'|'.join(_QUOTED)})|{_SCHEME}|{_BARE})"
    known = Texts([*keys, LAST_WORD], shortest=5, write=spelling)
    names = "|".join([*any_of([known], _NEIGHBOURS), "[_-]pass"])
    return (
        rf"(?i)(?:{names}){_AFTER}"
        rf"(?:{_QUOTE}?[\])]*\s*{_GIVES}(?:[ \t]*(?:{'|'.join(_CONTAINERS)})|\s*(?:{given}))"
        rf"|{_QUOTE}(?:\s*,\s*|\s+)(?:{_QUOTE}?value{_QUOTE}?\s*[:=]\s*)?[bru]?(?:{'|'.join(_QUOTED)})"
        rf"|\s+(?:is|was)[ \t:]+(?:{_SAID})"
        rf"|[ \t\w.-]{{1,20}}{_QUOTE}?\s*{_GIVES}[\s\"'`=]*{_RANDOM})"
    )


def option(keys: Sequence[str]) -> str:
    """Return the pattern of an option of a command with its value behind a space."""
    return rf"""(?i)--[a-z-]*(?:{spellings(keys)})\s+(?:"[^"]*"|'[^']*'|[^\s"'-]\S*)"""


# Parameters that sign a URL: AWS, Google, Azure, CloudFront, Alibaba, Tencent, Huawei, Akamai,
# OpenStack. A signed URL is a secret until it expires.
SIGNED_URL = (
    r"(?i)[?&;%~](?:3f|26|amp;)?(?:(?:x|q|ak|temp|url)[a-z0-9-]*[_-])?"
    r"(?:(?:sig(?:nature)?|credential|security-?token|[a-z]*accesskeyid|googleaccessid|"
    r"key-pair-id|hmac|hdn[a-z]+|temp_url_sig)(?:=|%3d)[^\s&\"'<>`]+|policy(?:=|%3d)[\w~%-]{14,})"
)
# All cookies of a header, where the name finds the first.
COOKIES = r"""[cC]ookie\\*["']?\s*[:=]\s*[^\s"'{}\[\]\\][^\n"'{}\[\]\\]*"""
# A look of their own, by how they begin: what follows.
LOOKS = {
    "ey": r"(?:J[A-Za-z0-9_-]{4,}\.|[A-Za-z0-9_-]{6,}\.ey)[A-Za-z0-9\\/_-]*\.?[A-Za-z0-9\\/_=-]*",
    "pat": r"[A-Za-z0-9]{14}\.[a-f0-9]{24,}",
    "SK": r"[0-9a-fA-F]{32}",
}
FURTHER_LOOKS = (
    r"s\.[A-Za-z0-9]{24}\b",
    r"[0-9]{15,16}(?:\||%(?:7[cC])?)[0-9A-Za-z_-]{27,}",
)
# Each begins with a text that Go finds at once.
RARE = (
    # All but the first characters: of Azure, MaxMind, Terraform Cloud.
    r"Q~[A-Za-z0-9_~.-]{24,}",
    r"_[A-Za-z0-9]{29}_mmk\b",
    r"\.atlasv1\.[A-Za-z0-9_=-]{24,}",
    r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]+",
    r"webhook\.office\.com/webhookb2/[^\s\"'<>]+",
    r"/api/webhooks/[0-9]+/[^\s\"'<>]+",
    r"/bot[0-9]{5,16}:A[A-Za-z0-9_-]{20,}",
    # Files of passwords: .netrc.
    r"login\s+\S+\s+password\s+\S+",
    # A pre-authenticated request of Oracle's object storage.
    r"/p/[A-Za-z0-9_-]{32,}/n/",
    r"-----BEGIN[ A-Z0-9_-]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END[ A-Z0-9_-]*-----|$)",
    # Passwords of databases: mysql -pPASSWORD, user/password@host.
    r"""mysql[a-z]*\s(?:[^\n|;]*?\s)?-p(?:"[^"]*"|'[^']*'|[^\s"'-]\S*)""",
    r"sshpass\s+-p\s*\S+",
    r"jdbc:oracle:[a-z0-9]+:[^\s/@]+/[^\s@]+@",
    # Commands with user:password, and manifests of Kubernetes secrets, are masked as a whole.
    r"curl\b(?s:.*?)\s(?:-u|--user)[ \t=]*"
    r"""(?:"[^"]*"|'[^']*'|[^\s"':]+)(?::(?:"[^"]*"|'[^']*'|[^\s"']+))?""",
    r"""apiVersion\b(?s:.*)(?:\b|\\n)[kK]ind\\*["']?\s*:\s*\\*["']?[sS]ecret\b(?s:.*)""",
)
