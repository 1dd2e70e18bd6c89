"""Nuke's expressions, as far as the node under test holds them: numbers, knobs, `frame`, arithmetic and comparisons."""

from __future__ import annotations

import re
from collections.abc import Callable

NUMBER, NAME = r"(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)", r"([A-Za-z_]\w*(?:\.\w+)*|\[[^\]]*\])"
TOKEN = re.compile(rf"\s*(?:{NUMBER}|{NAME}|(&&|\|\||[<>=!]=|[-+*/<>!?:(),]))")
FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "int": lambda value: float(int(value)),
    "clamp": lambda value: min(max(value, 0.0), 1.0),
}
BINARY: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"||": lambda a, b: float(bool(a) or bool(b))},
    {"&&": lambda a, b: float(bool(a) and bool(b))},
    {"==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b)},
    {
        "<": lambda a, b: float(a < b),
        ">": lambda a, b: float(a > b),
        "<=": lambda a, b: float(a <= b),
        ">=": lambda a, b: float(a >= b),
    },
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b},
)


class ExpressionError(RuntimeError):
    """Something that is no expression, or one that these tests have no need of."""


def evaluate(text: str, name: Callable[[str], float]) -> float:
    """The expression's value.

    Args:
        name: What a name stands for: `parent.output`, `frame`, `input.width`; or a command: `[exists parent.input2]`.
    """
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(f"Nothing named or written {text[at:]!r}")
        tokens.append(found[1] or found[2] or found[3])
        at = found.end()
    parser = _Parser(tokens, name)
    value = parser.choice()
    if parser.tokens:
        raise ExpressionError(f"{text!r}: {parser.tokens[0]!r} is too much")
    return value


class _Parser:
    def __init__(self, tokens: list[str], name: Callable[[str], float]) -> None:
        self.tokens, self.name = tokens, name

    def choice(self) -> float:
        condition = self.binary(0)
        if not self.take("?"):
            return condition
        yes = self.choice()
        self.need(":")
        no = self.choice()
        return yes if condition else no

    def binary(self, level: int) -> float:
        if level == len(BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while self.tokens and self.tokens[0] in BINARY[level]:
            operation = BINARY[level][self.tokens.pop(0)]
            left = operation(left, self.binary(level + 1))
        return left

    def unary(self) -> float:
        if self.take("-"):
            return -self.unary()
        if self.take("!"):
            return float(not self.unary())
        if self.take("("):
            value = self.choice()
            self.need(")")
            return value
        if not self.tokens:
            raise ExpressionError("The expression ends too soon")
        token = self.tokens.pop(0)
        if token[0].isdigit() or token[0] == ".":
            return float(token)
        return self.call(token) if self.take("(") else self.name(token)

    def call(self, function: str) -> float:
        if function not in FUNCTIONS:
            raise ExpressionError(f"No function {function!r}")
        arguments = [self.choice()]
        while self.take(","):
            arguments.append(self.choice())
        self.need(")")
        return FUNCTIONS[function](*arguments)

    def take(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def need(self, token: str) -> None:
        if not self.take(token):
            raise ExpressionError(f"{token!r} is missing")
