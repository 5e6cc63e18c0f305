"""Mutants of a module: its source with one small change each, of the kinds that people make by mistake.

The operators are the usual ones (DeMillo, Lipton and Sayward 1978; the names of Offutt's sufficient set are in brackets):
comparisons and their bounds (ROR), `and` and `or` (LCR), arithmetic (AOR), constants and strings, negated conditions,
`return None`, a dropped statement (SDL), two arguments the other way round. Left out is what no behaviour hangs on:
annotations, docstrings, decorators, asserts (they are for the type checker) and sentences, which are for people.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
UNCHANGED = {"annotation", "returns", "decorator_list", "type_params", "type_comment", "bases"}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One change: in which lines, of which function (None: done at import), and the module's code with it."""

    name: str
    line: int
    end: int
    function: str | None
    code: CodeType


@dataclass(frozen=True)
class _Site:
    """A node, how to put another in its place, the statement that it is part of, and the names around it."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt
    scope: tuple[str, ...]
    function: str | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(source: str, path: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines. Names tell the same changes of one function apart by a number."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for site in list(_sites(tree, tree, (), None)):
        before = _header(site.statement)
        for changed in _changed(site.node):
            ast.fix_missing_locations(ast.copy_location(changed, site.node))
            site.put(changed)
            after = _header(changed if site.node is site.statement else site.statement)
            if after == before:  # two equal arguments the other way round
                site.put(site.node)
                continue
            name = f"{'.'.join(site.scope) or 'module'}: {_difference(before, after)}"
            seen[name] += 1
            numbered = name if seen[name] == 1 else f"{name} #{seen[name]}"
            place = site.node if isinstance(site.node, ast.expr) else site.statement
            end = place.end_lineno or place.lineno
            yield Mutant(numbered, place.lineno, end, site.function, compile(tree, path, "exec"))
            site.put(site.node)


def _sites(node: ast.AST, top: ast.AST, scope: tuple[str, ...], function: str | None) -> Iterator[_Site]:
    """The nodes below one, with what is around them."""
    for name, value in ast.iter_fields(node):
        if name in UNCHANGED:
            continue
        inside = name == "body" and isinstance(node, (*SCOPES, ast.ClassDef))
        around = (*scope, node.name) if inside else scope
        within = function or (".".join(around) if inside and isinstance(node, SCOPES) else None)
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_words(child, node):
                continue
            statement = child if isinstance(child, ast.stmt) else top
            if isinstance(statement, ast.stmt):
                yield _Site(child, node, name, index, statement, around, within)
            yield from _sites(child, statement, around, within)


def _is_words(child: ast.AST, node: ast.AST) -> bool:
    """Whether a node says something to people or to the type checker alone."""
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # a docstring, or `...`
    if isinstance(child, ast.JoinedStr | ast.Constant):
        pieces = child.values if isinstance(child, ast.JoinedStr) else [child]
        return any(isinstance(piece, ast.Constant) and " " in str(piece.value) for piece in pieces)
    if isinstance(child, ast.Assign) and ast.unparse(child.targets[0]) == "__all__":
        return True
    return isinstance(child, ast.Import | ast.ImportFrom | ast.Assert | ast.TypeAlias | ast.expr_context)


def _changed(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 -- a table of operators
    """What may stand in a node's place by mistake."""
    match node:
        case ast.Compare(left, operators, right):
            for place, operator in enumerate(operators):
                for other in COMPARED[type(operator)]:
                    yield ast.Compare(left, [*operators[:place], other(), *operators[place + 1 :]], right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.UnaryOp(ast.USub(), operand):
            yield ast.UnaryOp(ast.UAdd(), operand)
        case ast.BinOp(left, operator, right) if type(operator) in COUNTED:
            yield ast.BinOp(left, COUNTED[type(operator)](), right)
        case ast.Constant(value):
            yield from _constants(value)
        case ast.If() | ast.While() | ast.IfExp() if not _is_negated_elsewhere(node.test):
            yield type(node)(**dict(ast.iter_fields(node)) | {"test": ast.UnaryOp(ast.Not(), node.test)})
        case ast.Call(function, [first, second, *rest], keywords) if not _is_starred(first, second):
            yield ast.Call(function, [second, first, *rest], keywords)
        case _:
            yield from _statements(node)


def _is_starred(*arguments: ast.expr) -> bool:
    return any(isinstance(argument, ast.Starred) for argument in arguments)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What may be done, or left out, in a statement's place."""
    match node:
        case ast.Return(ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign(target, operator, value):
            yield ast.Pass()
            if type(operator) in COUNTED:
                yield ast.AugAssign(target, COUNTED[type(operator)](), value)
        case ast.Assign([ast.Attribute() | ast.Subscript()]) | ast.Expr(ast.Call() | ast.Await()):
            yield ast.Pass()
        case ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()


def _constants(value: object) -> Iterator[ast.AST]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float() if value + 1 != value:
            yield ast.Constant(value + 1)
        case str():
            yield ast.Constant(f"XX{value}XX")
        case bytes():
            yield ast.Constant(b"XX" + value + b"XX")


def _is_negated_elsewhere(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp | ast.Constant) or (isinstance(test, ast.Compare) and len(test.ops) == 1)


def _header(node: ast.AST) -> str:
    """A statement's first line."""
    if isinstance(node, (*SCOPES, ast.ClassDef)):
        return f"{node.name}({ast.unparse(node.args)})" if isinstance(node, SCOPES) else node.name
    return ast.unparse(node).partition("\n")[0]


def _difference(before: str, after: str, around: int = 28) -> str:
    """`limit if size [< -> <=] limit`: two lines as one, by words, with a little of what is around the change."""
    first, second = re.findall(r"\s+|\w+|[^\w\s]+", before), re.findall(r"\s+|\w+|[^\w\s]+", after)
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    end = 0
    while end < min(len(first), len(second)) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    was, now = "".join(first[start : len(first) - end]), "".join(second[start : len(second) - end])
    left, right = "".join(first[:start]), "".join(first[len(first) - end :])
    left, right = left[-around:].lstrip(), right[:around].rstrip()
    return f"{left}[{was} -> {now}]{right}"
