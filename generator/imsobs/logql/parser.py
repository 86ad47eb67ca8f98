"""LogQL as a recursive descent over the grammar of Loki 3 (pkg/logql/syntax)."""

from __future__ import annotations

from dataclasses import dataclass, field

from imsobs.logql.functions import RANGE_FUNCTIONS, UNWRAPPED, VECTOR_FUNCTIONS
from imsobs.logql.tokens import LogQLError, Token, refuse_patterns, tokenize, unquoted

_WITH_NUMBER = {"topk", "bottomk", "quantile_over_time"}
_BINARY = {"+", "-", "*", "/", "%", "^", "==", "!=", ">", ">=", "<", "<=", "and", "or", "unless"}
_LINE_FILTERS = {"|=", "|~", "!=", "!~", "|>", "!>"}
_COMPARISONS = {"=", "!=", "=~", "!~", "==", ">", ">=", "<", "<="}


@dataclass
class Parsed:
    """What a query says.

    labels: of stream selectors -> texts matched; places: the same -> where each stands first;
    metric: whether it counts.
    """

    labels: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    metric: bool = False


def parse(text: str) -> Parsed:
    """Return what a query says; LogQLError names the fault and its place."""
    tokens = tokenize(text)
    parser = _Parser(tokens, text)
    try:
        parser.expression()
    except RecursionError:
        raise LogQLError("its brackets nest too deep", 0) from None
    if parser.kind != "end":
        parser.fail("the end of the query")
    refuse_patterns(tokens)
    return parser.parsed


class _Parser:
    def __init__(self, tokens: list[Token], text: str) -> None:
        self.tokens, self.text, self.index = tokens, text, 0
        self.parsed = Parsed()

    @property
    def kind(self) -> str:
        return self.tokens[self.index].kind

    @property
    def word(self) -> str:
        token = self.tokens[self.index]
        return token.text if token.kind in ("name", "operator", "flag") else ""

    def fail(self, expected: str) -> None:
        token = self.tokens[self.index]
        found = f'"{token.text}"' if token.text else "the end of the query"
        raise LogQLError(f"expected {expected}, found {found}", token.at)

    def take(self, *words: str) -> str:
        """Return the current token, which must be one of these words."""
        if self.word not in words:
            self.fail(" or ".join(f'"{word}"' for word in words))
        self.index += 1
        return self.tokens[self.index - 1].text

    def take_kind(self, *kinds: str) -> str:
        if self.kind not in kinds:
            self.fail(" or ".join(f"a {kind}" for kind in kinds))
        self.index += 1
        return self.tokens[self.index - 1].text

    def accept(self, *words: str) -> bool:
        found = self.word in words
        self.index += found
        return found

    # -- metric queries
    def expression(self) -> None:
        self.operand()
        while self.word in _BINARY:
            self.index += 1
            self.accept("bool")
            if self.accept("on", "ignoring"):
                self.label_list()
                if self.accept("group_left", "group_right") and self.word == "(":
                    self.label_list()
            self.parsed.metric = True
            self.operand()

    def operand(self) -> None:
        if self.accept("-", "+") or self.kind == "number":
            self.take_kind("number")
        elif self.word == "{":
            self.log_query()
        elif self.accept("("):
            self.expression()
            self.take(")")
        elif self.word in RANGE_FUNCTIONS:
            self.range_aggregation()
        elif self.word in VECTOR_FUNCTIONS:
            self.vector_aggregation()
        elif self.accept("label_replace"):
            self.take("(")
            self.expression()
            for _ in range(4):
                self.take(",")
                self.take_kind("string")
            self.take(")")
        elif self.accept("vector"):
            self.take("(")
            self.take_kind("number")
            self.take(")")
        else:
            self.fail('a stream selector "{...}" or an aggregation')

    def vector_aggregation(self) -> None:
        function = self.take(*VECTOR_FUNCTIONS)
        self.parsed.metric = True
        grouped = self.grouping()
        self.take("(")
        if function in _WITH_NUMBER:
            self.take_kind("number")
            self.take(",")
        self.expression()
        self.take(")")
        if not grouped:
            self.grouping()

    def range_aggregation(self) -> None:
        function = self.take(*RANGE_FUNCTIONS)
        self.parsed.metric = True
        self.take("(")
        if function in _WITH_NUMBER:
            self.take_kind("number")
            self.take(",")
        unwrapped = self.log_range()
        if function in UNWRAPPED and not unwrapped:
            self.fail(f'"| unwrap LABEL" before the range of {function}')
        self.take(")")
        self.grouping()

    def log_range(self) -> bool:
        self.selector()
        ranged = self.window()
        unwrapped = self.pipeline(unwrap=True)
        if not ranged and not self.window():
            self.fail('a range such as "[5m]"')
        if self.accept("offset"):
            self.take_kind("duration")
        return unwrapped

    def window(self) -> bool:
        if not self.accept("["):
            return False
        self.take_kind("duration")
        self.take("]")
        return True

    def grouping(self) -> bool:
        if not self.accept("by", "without"):
            return False
        self.label_list()
        return True

    def label_list(self) -> None:
        self.take("(")
        while not self.accept(")"):
            self.take_kind("name")
            if self.word != ")":
                self.take(",")

    # -- log queries
    def log_query(self) -> None:
        self.selector()
        self.pipeline(unwrap=False)

    def selector(self) -> None:
        opened = self.tokens[self.index].at
        self.take("{")
        positive = False
        while not self.accept("}"):
            at = self.tokens[self.index].at
            label = self.take_kind("name")
            self.parsed.places.setdefault(label, at)
            operator = self.take("=", "!=", "=~", "!~")
            value = unquoted(self.take_kind("string"))
            positive |= operator in ("=", "=~") and value not in ("", ".*")
            self.parsed.labels.setdefault(label, []).append(value)
            if self.word != "}":
                self.take(",")
        if not positive:
            message = "a stream selector needs a matcher that does not match empty text"
            raise LogQLError(message, opened)

    def pipeline(self, unwrap: bool) -> bool:
        while True:
            if self.word in _LINE_FILTERS:
                self.index += 1
                self.line_filter()
            elif self.accept("|"):
                if unwrap and self.accept("unwrap"):
                    self.unwrap()
                    return True
                self.stage()
            else:
                return False

    def line_filter(self) -> None:
        if self.accept("ip"):
            self.take("(")
            self.take_kind("string")
            self.take(")")
        else:
            self.take_kind("string")
        while self.accept("or"):
            self.take_kind("string")

    def unwrap(self) -> None:
        name = self.take_kind("name")
        if name in ("duration", "duration_seconds", "bytes") and self.accept("("):
            self.take_kind("name")
            self.take(")")
        while self.accept("|"):
            self.label_filter()

    def stage(self) -> None:
        if self.accept("json", "logfmt"):
            while self.kind == "flag":
                self.take("--strict", "--keep-empty")
            if self.kind == "name":
                self.extractions()
        elif self.accept("pattern", "regexp", "line_format"):
            self.take_kind("string")
        elif self.accept("unpack", "decolorize"):
            pass
        elif self.accept("label_format"):
            self.assignments()
        elif self.accept("drop", "keep"):
            self.names()
        else:
            self.label_filter()

    def extractions(self) -> None:
        while True:
            self.take_kind("name")
            if self.accept("="):
                self.take_kind("string")
            if not self.accept(","):
                return

    def assignments(self) -> None:
        while True:
            self.take_kind("name")
            self.take("=")
            self.take_kind("name", "string")
            if not self.accept(","):
                return

    def names(self) -> None:
        while True:
            self.take_kind("name")
            if self.accept("=", "!=", "=~", "!~"):
                self.take_kind("string")
            if not self.accept(","):
                return

    def label_filter(self) -> None:
        while True:
            if self.accept("("):
                self.label_filter()
                self.take(")")
            else:
                self.comparison()
            if not self.accept("and", "or", ","):
                # Two filters side by side are joined by "and".
                if self.kind == "name" or self.word == "(":
                    continue
                return

    def comparison(self) -> None:
        self.take_kind("name")
        operator = self.take(*sorted(_COMPARISONS))
        if operator in ("=", "!=") and self.accept("ip"):
            self.take("(")
            self.take_kind("string")
            self.take(")")
        elif operator in ("=~", "!~"):
            self.take_kind("string")
        elif operator in ("==", ">", ">=", "<", "<="):
            self.take_kind("number", "duration", "size")
        else:
            self.take_kind("string", "number", "duration", "size")
