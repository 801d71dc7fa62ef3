"""What a rule's text says, as a tree of values. Every node knows where in the text it begins and ends."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """Text, a number, true, false or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Empty(Node):
    """The literal `empty`, which equals null, blank text, zero, false and what holds nothing."""


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable, one of the objects that rules are given, or a class."""

    name: str


@dataclass(frozen=True, slots=True)
class ClassPath(Node):
    """A class with its package, such as `java.util.Optional`."""

    package: str
    name: str


@dataclass(frozen=True, slots=True)
class Property(Node):
    """`target.name`; a safe one, `target.?name`, is null when the target is."""

    target: "Expression"
    name: str
    at: int
    """Where the name begins."""
    safe: bool


@dataclass(frozen=True, slots=True)
class Call(Node):
    target: "Expression"
    name: str
    at: int
    """Where the name begins."""
    arguments: tuple["Expression", ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Index(Node):
    target: "Expression"
    key: "Expression"


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`!` or `-`."""

    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Also `or` and `?:`, which answer the first operand unless it is null or empty text."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """`&&` or `||` between two operands or more."""

    operator: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Ternary(Node):
    condition: "Expression"
    yes: "Expression"
    no: "Expression"


@dataclass(frozen=True, slots=True)
class NewObject(Node):
    package: str
    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class ArrayLiteral(Node):
    """`{a, b}`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class MapLiteral(Node):
    pairs: tuple[tuple["Expression", "Expression"], ...]


Expression = (
    Literal
    | Empty
    | Name
    | ClassPath
    | Property
    | Call
    | Index
    | Unary
    | Binary
    | Logical
    | Ternary
    | NewObject
    | ListLiteral
    | ArrayLiteral
    | MapLiteral
)


@dataclass(frozen=True, slots=True)
class Evaluate(Node):
    """An expression that is a statement: for what it does."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Assign(Node):
    """`target = value`, or with an operator before the sign, `target += value`."""

    target: Name | Property | Index
    operator: str
    """Empty when the value replaces the old one."""
    value: Expression


@dataclass(frozen=True, slots=True)
class If(Node):
    branches: tuple[tuple[Expression, tuple["Statement", ...]], ...]
    """Conditions in their order, each with what is done when it is the first that holds."""
    otherwise: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class ForEach(Node):
    variable: str
    items: Expression
    body: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Return(Node):
    value: Expression | None


Statement = Evaluate | Assign | If | ForEach | Return
