"""Conditions of the Collector (OTTL): where one does not parse, and what it names.

The grammar is that of pkg/ottl/grammar.go, of conditions only. What is accepted here may still be
refused by the Collector, which ``imsobs verify`` asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

_TOKEN = re.compile(
    r"\s*(?:(?P<bytes>0x[a-fA-F0-9]+)|(?P<number>\d*\.\d+(?:[eE][-+]?\d+)?|\d+\.?)"
    r'|(?P<string>"(?:\\.|[^\\"])*")|(?P<compare>==|!=|>=|<=|>|<)|(?P<sign>[-+*/])'
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[()\[\]{},.:=])|(?P<odd>\S))",
    re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# What other languages write -> what is written here.
_ELSEWHERE = {
    "=": "==",
    "&": "and",
    "|": "or",
    "!": "not",
    "~": 'IsMatch(TEXT, "PATTERN")',
    "'": 'double quotes: "..."',
}


class Token(NamedTuple):
    """A token: its kind, its text, and the characters before it."""

    kind: str
    text: str
    at: int


class Fault(Exception):
    """A place where a condition does not parse. at: characters before it."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass
class Condition:
    """What a condition names: paths such as ``span.status.code``, enums, functions, patterns.

    patterns: the texts that IsMatch compares with.
    """

    paths: list[Token] = field(default_factory=list)
    enums: list[Token] = field(default_factory=list)
    functions: list[Token] = field(default_factory=list)
    patterns: list[Token] = field(default_factory=list)


def parse(text: str) -> Condition:
    """Return what a condition names. Raise Fault where it does not parse."""
    return _Parser(text).condition()


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    open_: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            break  # not reached: odd takes every character
        token = Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        position = match.end()
        if token.text == '"':
            raise Fault("this quote is not closed", token.at)
        if token.kind == "odd":
            meant = _ELSEWHERE.get(token.text)
            raise Fault(
                f"{token.text} means nothing here" + (f"; write {meant}" if meant else ""), token.at
            )
        if token.kind == "mark" and token.text in _CLOSING:
            open_.append(token)
        elif token.kind == "mark" and token.text in _CLOSING.values():
            if not open_ or _CLOSING[open_[-1].text] != token.text:
                last = f", while {open_[-1].text} is open" if open_ else ""
                raise Fault(f"this {token.text} closes nothing{last}", token.at)
            open_.pop()
        found.append(token)
    if open_:
        raise Fault(f"this {open_[-1].text} is not closed", open_[-1].at)
    return found


class _Parser:
    """Recursive descent; each method returns whether what it read is true or false."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._end = len(text)
        self._depth = 0
        self._found = Condition()

    def condition(self) -> Condition:
        begin = self._peek().at
        truth = self._either()
        rest = self._peek()
        if rest.text == "=":
            raise Fault("= means nothing here; write ==", rest.at)
        if not truth:
            raise Fault("a value is no condition; compare it, as with != nil", begin)
        if rest.kind != "end":
            raise Fault(f"{rest.text} is unexpected; join conditions with and, or", rest.at)
        return self._found

    def _peek(self) -> Token:
        if self._next < len(self._tokens):
            return self._tokens[self._next]
        return Token("end", "the end", self._end)

    def _take(self, *texts: str) -> Token | None:
        token = self._peek()
        if token.kind == "string" or (token.text not in texts):
            return None
        self._next += 1
        return token

    def _want(self, text: str) -> None:
        if self._take(text) is None:
            found = self._peek()
            raise Fault(f"{found.text} is unexpected; {text} belongs here", found.at)

    def _either(self) -> bool:
        self._depth += 1
        if self._depth > 40:
            raise Fault("this nests deeper than 40 levels", self._peek().at)
        begin = self._peek().at
        truth = self._comparison()
        while joint := self._take("and", "or"):
            if not truth:
                raise Fault(f"a value is no condition of {joint.text}; compare it", begin)
            begin = self._peek().at
            truth = self._comparison()
            if not truth:
                raise Fault(f"a value is no condition of {joint.text}; compare it", begin)
        self._depth -= 1
        return truth

    def _comparison(self) -> bool:
        begin = self._peek().at
        if self._take("not"):
            if not self._comparison():
                raise Fault("a value is no condition of not; compare it", begin)
            return True
        truth = self._sum()
        if self._peek().kind == "compare":
            self._next += 1
            self._sum()
            return True
        return truth

    def _sum(self) -> bool:
        truth = self._operand()
        while self._peek().kind == "sign":
            self._next += 1
            self._operand()
            truth = False
        return truth

    def _operand(self) -> bool:
        while self._take("-", "+"):
            pass
        token = self._peek()
        self._next += 1
        match token.kind:
            case "string" | "number" | "bytes":
                return False
            case "word":
                return self._word(token)
        match token.text:
            case "(":
                truth = self._either()
                self._want(")")
                return truth
            case "[":
                self._list("]")
                return False
            case "{":
                self._list("}")
                return False
        raise Fault(f"a value belongs here, not {token.text}", token.at)

    def _word(self, token: Token) -> bool:
        if token.text in ("true", "false"):
            return True
        if token.text == "nil":
            return False
        if token.text in ("and", "or", "not"):
            raise Fault(f"a value belongs here, not {token.text}", token.at)
        if token.text.isupper() and self._peek().text != "(":
            self._found.enums.append(token)
            return False
        if self._peek().text == "(" and self._peek().kind == "mark":
            self._call(token)
            return True
        self._path(token)
        return False

    def _call(self, token: Token) -> None:
        self._found.functions.append(token)
        self._next += 1
        begin = self._next
        self._list(")")
        if token.text == "IsMatch":
            inside = self._tokens[begin : self._next - 1]
            if len(inside) > 2 and inside[-1].kind == "string" and inside[-2].text == ",":
                self._found.patterns.append(inside[-1])
        self._keys()

    def _list(self, closing: str) -> None:
        while self._take(closing) is None:
            self._argument()
            if self._take(",") is None:
                self._want(closing)
                return

    def _argument(self) -> None:
        """Read a value, ``name = value`` or ``"key": value``."""
        self._either()
        if self._take("=", ":"):
            self._either()

    def _path(self, token: Token) -> None:
        name = token.text
        self._keys()
        while self._take("."):
            segment = self._peek()
            if segment.kind != "word":
                raise Fault(f"a name belongs behind the dot, not {segment.text}", segment.at)
            self._next += 1
            name += f".{segment.text}"
            self._keys()
        if self._peek().text != "=":
            self._found.paths.append(Token("path", name, token.at))

    def _keys(self) -> None:
        while self._take("["):
            self._either()
            self._want("]")
