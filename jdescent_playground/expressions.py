"""Typed formulas, read without `eval`: arithmetic, named functions and constants, nothing else.

The text becomes a tree of Python's own parser (`ast.parse`, which runs nothing); every node of the
tree is looked up in the tables below, and what is not in a table is refused with its place.
"""

import ast
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
from jax import nn

LONGEST = 200
LARGEST_EXPONENT = 64
LARGEST_NUMBER = 1e30

FUNCTIONS: dict[str, tuple[int, Callable, str]] = {
    name: (1, function, f"jnp.{name}")
    for name, function in {
        "sin": jnp.sin, "cos": jnp.cos, "tan": jnp.tan,
        "sinh": jnp.sinh, "cosh": jnp.cosh, "tanh": jnp.tanh,
        "exp": jnp.exp, "log": jnp.log, "log2": jnp.log2, "log10": jnp.log10,
        "sqrt": jnp.sqrt, "abs": jnp.abs,
    }.items()
} | {
    "atan": (1, jnp.arctan, "jnp.arctan"),
    "ln": (1, jnp.log, "jnp.log"),
    "sigmoid": (1, nn.sigmoid, "jax.nn.sigmoid"),
    "relu": (1, nn.relu, "jax.nn.relu"),
    "softplus": (1, nn.softplus, "jax.nn.softplus"),
    "min": (2, jnp.minimum, "jnp.minimum"),
    "max": (2, jnp.maximum, "jnp.maximum"),
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e}

_POLES: dict[str, Callable] = {
    "tan": jnp.cos, **dict.fromkeys(("log", "log2", "log10", "ln"), lambda value: value)
}  # fmt: skip
"""Functions with poles, each with what is zero there."""

_OPERATORS: dict[type, tuple[str, Callable]] = {
    ast.Add: ("+", lambda a, b: a + b),
    ast.Sub: ("-", lambda a, b: a - b),
    ast.Mult: ("*", lambda a, b: a * b),
    ast.Div: ("/", lambda a, b: a / b),
}
_SIGNS = {"−": "-", "–": "-", "·": "*", "×": "*", "÷": "/", "π": " pi ", "^": "**", "½": "(1/2)"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<sign>\S)"
)

_POWER = re.compile(r"\s*\*\*\s*(?P<exponent>-?\d+)\s*(?P<bracket>\()?")
_SIGNS_READ = set("+-*/(),|")
_READ = "only numbers, names and + - * / ^ ( ) | are read"

Compiled = Callable[[dict[str, Any]], Any]


class ExpressionError(ValueError):
    """A formula that cannot be read.

    Attributes:
        place: the index of the first character at fault, None where it is the whole.
    """

    def __init__(self, message: str, place: int | None = None) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Expression:
    """A formula of one or two variables as a loss: it jits, differentiates and maps.

    Two are equal if they compute the same thing in the same order, however they were typed.

    Attributes:
        text: what was typed.
        source: the same as Python with ``jnp``, for scripts.
        variables: their names. With one, x is a scalar; with two, x has shape (2,).
        function: of a dictionary of the variables.
        vanishing: functions of the same; the formula may have a pole only where one is zero.
    """

    text: str = field(compare=False)
    source: str
    variables: tuple[str, ...]
    function: Compiled = field(compare=False, repr=False)
    vanishing: tuple[Compiled, ...] = field(default=(), compare=False, repr=False)

    def __call__(self, x):
        """The loss at x, of the dtype of x; NaN or infinite where the formula is not defined."""
        x = jnp.asarray(x)
        return jnp.asarray(self.function(self._named(x)), x.dtype)

    def divisors(self, x):
        """The values at x of what may vanish where a pole is: (how many there are,)."""
        x = jnp.asarray(x)
        return jnp.array([function(self._named(x)) for function in self.vanishing], x.dtype)

    def _named(self, x) -> dict[str, Any]:
        if len(self.variables) == 1:
            return {self.variables[0]: x}
        return dict(zip(self.variables, x, strict=True))


def parse(text: str, variables: tuple[str, ...] = ("x",)) -> Expression:
    """Read a formula such as ``x^4/4 - 2cos(3x)``.

    ``^`` is a power, ``2x`` a product, ``½ ² · π − |x| sin²(x)`` are what they look like. A
    whole-number power may be of a negative number.

    Args:
        text: at most 200 characters.
        variables: the names that may vary; at least one must occur.

    Raises:
        ExpressionError: it is empty, too long, misspelled, holds anything but arithmetic and the
            names in `FUNCTIONS` and `CONSTANTS`, or none of the variables. The message says where.

    Example:
        >>> bumps = parse("(x - 1)^2/2 + ½")
        >>> print(bumps(-2.5), bumps.source)
        6.625 (x - 1.0) ** 2 / 2.0 + 1.0 / 2.0
        >>> parse("__import__('os')")
        Traceback (most recent call last):
        jdescent_playground.expressions.ExpressionError: character 12: ''' is not read; ...
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"the formula has {len(text)} characters, at most {LONGEST} are read")
    if not text.strip():
        raise ExpressionError(f"type a formula of {_listed(variables)}, such as {variables[0]}^2/2")
    spelled, places = _in_ascii(text, variables)
    tree = _tree(spelled, places)
    reader = _Reader(variables, places)
    function, source = reader.read(tree.body)
    if not reader.used:
        raise ExpressionError(
            f"the formula is constant: use {_listed(variables)}, or there is no slope"
        )
    return Expression(
        text.strip(), ast.unparse(source), tuple(variables), function, tuple(reader.vanishing)
    )


def _in_ascii(text: str, variables: tuple[str, ...]) -> tuple[str, list[int]]:
    """The text as Python spells it, and for each of its characters the index it came from."""
    spelled, places = "", []
    raised = False
    for index, sign in enumerate(text):
        digit = sign.translate(_SUPERSCRIPTS)
        word = _SIGNS.get(sign, sign) if digit == sign else digit if raised else "**" + digit
        raised = digit != sign
        spelled += word
        places += [index] * len(word)
    return _Joiner(variables).join(spelled, places)


class _Joiner:
    """Puts in what people leave out: the sign of a product, brackets for |x|, sin²(x)."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        self.variables = variables
        self.spelled, self.places = "", list[int]()
        self.before = ""  # the last token, "value" for what ends a value
        self.open: list[tuple[str, str]] = []  # brackets, each with the power of its function

    def join(self, spelled: str, places: list[int]) -> tuple[str, list[int]]:
        """The whole text with these signs, and where each of its characters comes from."""
        position = 0
        while token := _TOKEN.search(spelled, position):
            position = token.end()
            word, kind, place = token.group(), token.lastgroup, places[token.start()]
            if kind == "sign" and word not in _SIGNS_READ:
                raise _refused(f"'{word}' is not read; {_READ}", place)
            power = _POWER.match(spelled, position) if word in FUNCTIONS else None
            if power is not None:
                position = power.end()
                if power["bracket"] is None or "-" in power["exponent"]:
                    raise _refused(self._advice(word, power["exponent"]), place)
            if self.before in FUNCTIONS and word != "(":
                raise _refused(
                    f"{self.before} is a function: write {self.before}({self.variables[0]})", place
                )
            closes = word == "|" and self.before == "value" and self._inside() == "|"
            if self.before == "value" and (word in "(|" or kind != "sign") and not closes:
                self._put("*", place)
            if power is not None:
                self._put(f"({word}(", place)
                self.open.append(("(", power["exponent"]))
                self.before = "("
            elif closes or word == ")":
                self._close(word, place)
            elif word == "|":
                self._put("abs(", place)
                self.open.append(("|", ""))
                self.before = "("
            else:
                self.open += [("(", "")] * (word == "(")
                self._put(word, place)
                is_value = kind == "number" or word in (*self.variables, *CONSTANTS)
                self.before = "value" if is_value else word
        return self.spelled, self.places

    def _inside(self) -> str:
        return self.open[-1][0] if self.open else ""

    def _close(self, bracket: str, place: int) -> None:
        opened, power = self.open.pop() if self.open else (bracket, "")
        if (opened == "|") != (bracket == "|"):
            raise _refused("the bar | before this bracket is not closed yet", place)
        self._put(f")**{power})" if power else ")", place)
        self.before = "value"

    def _put(self, word: str, place: int) -> None:
        self.spelled += word
        self.places += [place] * len(word)

    def _advice(self, name: str, power: str) -> str:
        x = self.variables[0]
        if "-" in power:
            return f"{name}^{power} has two senses: write 1/{name}({x}), or use atan for tan^-1"
        return f"{name} is a function: write {name}^{power}({x})"


def _tree(spelled: str, places: list[int]) -> ast.Expression:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(spelled, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None)
        place = None
        if column is not None:
            place = places[min(max(column - 1, 0), len(places) - 1)]
        where = "" if place is None else f"character {place + 1}: "
        raise ExpressionError(
            f"{where}this is not a formula yet; look for a missing bracket, sign or number", place
        ) from None


class _Reader:
    """One walk over the tree, giving for every node the function and the source of its value."""

    def __init__(self, variables: tuple[str, ...], places: list[int]) -> None:
        self.variables, self.places, self.used = variables, places, False
        self.vanishing: list[Compiled] = []  # wherever a pole is, one of these is zero

    def read(self, node: ast.expr) -> tuple[Compiled, ast.expr]:
        match node:
            case ast.Constant(value=bool() | str() | bytes() | None):
                raise self.refused(node, _READ)
            case ast.Constant(value=int() | float() as value):
                return self.number(node, value)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inside, source = self.read(operand)
                return lambda names: -inside(names), ast.UnaryOp(ast.USub(), source)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.BinOp(op=ast.Pow()):
                return self.power(node)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                (a, a_source), (b, b_source) = self.read(left), self.read(right)
                apply = _OPERATORS[type(op)][1]
                if isinstance(op, ast.Div):
                    self.vanishing.append(b)
                source = ast.BinOp(a_source, op, b_source)
                return lambda names: apply(a(names), b(names)), source
            case ast.Call():
                return self.call(node)
        raise self.refused(node, _READ)

    def number(self, node: ast.expr, value: float) -> tuple[Compiled, ast.expr]:
        if abs(value) > LARGEST_NUMBER:
            raise self.refused(node, f"numbers reach to {LARGEST_NUMBER:g}")
        value = float(value)
        return lambda names: jnp.asarray(value, _dtype(names)), ast.Constant(value)

    def name(self, node: ast.expr, name: str) -> tuple[Compiled, ast.expr]:
        if name in self.variables:
            self.used = True
            return lambda names: names[name], ast.Name(name)
        if name in CONSTANTS:
            return self.number(node, CONSTANTS[name])
        if name in FUNCTIONS:
            raise self.refused(node, f"{name} is a function: write {name}({self.variables[0]})")
        known = [*self.variables, *CONSTANTS, *FUNCTIONS]
        raise self.refused(node, f"'{_shown(name)}' is not known; known are {', '.join(known)}")

    def power(self, node: ast.BinOp) -> tuple[Compiled, ast.expr]:
        base, base_source = self.read(node.left)
        sign, exponent = 1, node.right
        while isinstance(exponent, ast.UnaryOp) and isinstance(exponent.op, ast.USub | ast.UAdd):
            sign = -sign if isinstance(exponent.op, ast.USub) else sign
            exponent = exponent.operand
        written = exponent.value if isinstance(exponent, ast.Constant) else None
        if isinstance(written, int | float) and not isinstance(written, bool):
            value = sign * written
            if abs(value) > LARGEST_EXPONENT:
                raise self.refused(
                    exponent, f"exponents reach from −{LARGEST_EXPONENT} to {LARGEST_EXPONENT}"
                )
            if value == int(value):
                whole = int(value)
                if whole < 0:
                    self.vanishing.append(base)
                source = ast.BinOp(base_source, ast.Pow(), ast.Constant(whole))
                return lambda names: base(names) ** whole, source
        above, above_source = self.read(node.right)
        self.vanishing.append(base)
        return (
            lambda names: jnp.power(base(names), above(names)),
            ast.BinOp(base_source, ast.Pow(), above_source),
        )

    def call(self, node: ast.Call) -> tuple[Compiled, ast.expr]:
        called = node.func
        if not isinstance(called, ast.Name):
            raise self.refused(node, "only the named functions can be called")
        if called.id not in FUNCTIONS:
            raise self.refused(
                node,
                f"'{_shown(called.id)}' is not a known function; known are {', '.join(FUNCTIONS)}",
            )
        count, function, path = FUNCTIONS[called.id]
        if len(node.args) != count or node.keywords:
            raise self.refused(
                node, f"{called.id} takes {count} number{'s' if count > 1 else ''}, as in "
                f"{called.id}({', '.join(['x', '1'][:count])})",
            )  # fmt: skip
        parts = [self.read(argument) for argument in node.args]
        source = ast.Call(ast.Name(path), [part_source for _, part_source in parts], [])
        if called.id in _POLES:
            inside, zero = parts[0][0], _POLES[called.id]
            self.vanishing.append(lambda names: zero(inside(names)))
        return lambda names: function(*(part(names) for part, _ in parts)), source

    def refused(self, node: ast.expr, why: str) -> ExpressionError:
        return _refused(why, self.places[min(node.col_offset, len(self.places) - 1)])


def _refused(why: str, place: int) -> ExpressionError:
    return ExpressionError(f"character {place + 1}: {why}", place)


def _dtype(names: dict[str, Any]) -> Any:
    return next(iter(names.values())).dtype


def _shown(name: str) -> str:
    return name if len(name) <= 24 else name[:20] + "…"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names)
