"""What kind of code an adaptor is, read from its syntax tree before anything runs."""

from __future__ import annotations

import ast
import re
from contextlib import suppress

from owt._faults import Fault
from owt.summat._pipe import Pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

_PIPE_METHODS = frozenset(name for name in dir(Pipe) if not name.startswith("_"))
_STARTS_WITH_METHOD = re.compile(r"(?:\s|#[^\n]*\n)*\.\s*[^\W\d]")
_GOES_ON_WITH_METHOD = re.compile(r"^[ \t]*\.\s*[^\W\d]", re.MULTILINE)
_LISTED_NAMES = 10


class Parsed:
    """Compiled source, with the names that it binds at module level."""

    __slots__ = ("binds", "binds_more", "code", "is_expression")

    def __init__(
        self, code: CodeType, binds: frozenset[str], binds_more: bool, is_expression: bool
    ) -> None:
        self.code = code
        self.binds = binds
        # A star import binds names that only running it can tell.
        self.binds_more = binds_more
        self.is_expression = is_expression

    def check_entry(self, fn_name: str) -> None:
        """Refuse a function that this code cannot have."""
        if not (fn_name in self.binds or self.is_expression or self.binds_more):
            raise self.entry_missing(fn_name)

    def entry_missing(self, fn_name: str) -> Fault:
        """Say that there is no such function, and what there is."""
        names = sorted(self.binds)
        shown = ", ".join(names[:_LISTED_NAMES]) + (", …" if len(names) > _LISTED_NAMES else "")
        there_is = f"it defines {shown}" if names else "it defines nothing"
        return Fault(
            "entry-missing",
            f"The code has no function {fn_name!r} at its top level: {there_is}. "
            f"Define {fn_name!r}, or name another function in fn_name.",
        )


def parse(source: str, filename: str) -> Parsed:
    """Compile `source`, or raise the `code-invalid` fault that shows where it is broken."""
    try:
        tree = _tree(source, filename)
        is_expression = len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)
        binds, binds_more = _bound(tree.body)
        code = _compile(tree, filename, is_expression)
    except SyntaxError as err:
        raise _syntax_fault(err, source) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as err:
        # Null bytes, or nesting beyond what the parser can hold.
        reason = str(err) or type(err).__name__
        raise Fault("code-invalid", f"Python cannot read the code: {reason}.") from None
    return Parsed(code, binds, binds_more, is_expression)


def _tree(source: str, filename: str) -> ast.Module:
    if _STARTS_WITH_METHOD.match(source):
        # The bracket lets a chain of methods go over several lines; line numbers stay as they are.
        source = f"(pipe(){source}\n)"
    try:
        return _parsed(source, filename)
    except SyntaxError:
        if _GOES_ON_WITH_METHOD.search(source) is None:
            raise
        with suppress(SyntaxError):
            return _parsed(f"({source}\n)", filename)
        raise


def _parsed(source: str, filename: str) -> ast.Module:
    tree = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def _compile(tree: ast.Module, filename: str, is_expression: bool) -> CodeType:
    if not is_expression:
        return compile(tree, filename, "exec", dont_inherit=True)
    statement = tree.body[0]
    assert isinstance(statement, ast.Expr)
    _start_pipe(statement.value)
    return compile(ast.Expression(statement.value), filename, "eval", dont_inherit=True)


def _start_pipe(expression: ast.expr) -> None:
    """Read a leading `f(…)` as `pipe().f(…)` where `f` is a method of a pipe."""
    first_call, node = None, expression
    while True:
        if isinstance(node, ast.Call):
            first_call, node = node, node.func
        elif isinstance(node, ast.Attribute | ast.Subscript):
            first_call, node = None, node.value
        else:
            break
    if first_call is None or not isinstance(node, ast.Name) or node.id not in _PIPE_METHODS:
        return
    pipe = ast.Call(ast.Name("pipe", ast.Load()), [], [])
    method = ast.Attribute(pipe, node.id, ast.Load())
    first_call.func = ast.fix_missing_locations(ast.copy_location(method, node))


def _bound(body: Iterable[ast.AST]) -> tuple[frozenset[str], bool]:
    """Return the names bound at module level, and whether a star import may bind more."""
    names: set[str] = set()
    todo = list(body)
    while todo:
        node = todo.pop()
        names.update(_names_of(node))
        todo.extend(_same_scope(node))
    return frozenset(names - {"*"}), "*" in names


def _names_of(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return (name,)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.alias():
            return (node.asname or node.name.partition(".")[0],)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return (name,)
        case ast.MatchMapping(rest=str(name)):
            return (name,)
    return ()


def _same_scope(node: ast.AST) -> Iterable[ast.AST]:
    """Return the children of a node that bind in the scope that the node is in."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.decorator_list
        case ast.Lambda() | ast.AnnAssign(value=None):
            return ()
        case ast.comprehension():
            # Its target is its own; only `:=` in a condition binds outside.
            return node.ifs
    return ast.iter_child_nodes(node)


def _syntax_fault(err: SyntaxError, source: str) -> Fault:
    import traceback

    lines = source.splitlines()
    if err.text is None and err.lineno is not None and 0 < err.lineno <= len(lines):
        # An error that the compiler finds in the tree, such as a stray `return`, comes without.
        err.text = lines[err.lineno - 1]
    if err.lineno is None:
        return Fault("code-invalid", f"Python cannot read the code: {err.msg}.")
    shown = "".join(traceback.format_exception_only(err)).rstrip()
    return Fault("code-invalid", f"Python cannot read the code: line {err.lineno}.\n\n{shown}")
