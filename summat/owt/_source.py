"""Parses and compiles an adaptor's source, and finds which names it binds."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from types import CodeType

from owt._errors import CallError
from owt._filename import display_name
from owt.summat._pipe import Pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PIPE_METHODS = frozenset(name for name in dir(Pipe) if not name.startswith("_"))
_STARTS_WITH_METHOD = re.compile(r"(?:\s|#[^\n]*\n)*\.\s*[^\W\d]")
_CONTINUES_WITH_METHOD = re.compile(r"^[ \t]*\.\s*[^\W\d]", re.MULTILINE)
_BLANK_LINE = r"[ \t\r]*(?:#[^\n]*)?\n"
_LINE_END = re.compile(_BLANK_LINE)
_BLANK_LINES = re.compile(f"(?:{_BLANK_LINE})*")
_QUOTES = re.compile(r"[rR]?(\"{3}|'{3})")
# What begins no expression.
_STATEMENT = re.compile(
    r"(?:assert|async|class|def|del|for|from|global|if|import|raise|try|while|with)(?=[\s:(\[{])"
    r"|@|[^\W\d]\w*[ \t]*=(?!=)"
)
_MAX_LISTED = 10
# Names of what can bind other names at run time.
_DYNAMIC_BINDERS = frozenset(
    ("__dict__", "exec", "globals", "locals", "modules", "setattr", "vars", "__setattr__")
)


class Parsed:
    """Compiled source, and the names that it binds at module level."""

    __slots__ = ("_bound", "_filename", "_referenced", "_source", "code", "is_expression")

    def __init__(self, source: str, filename: str, code: CodeType, is_expression: bool) -> None:
        self._source = source
        self._filename = filename
        self.code = code
        self.is_expression = is_expression
        # Found when they are needed, which is seldom.
        self._bound: tuple[frozenset[str], bool] | None = None
        self._referenced: frozenset[str] | None = None

    @property
    def bound(self) -> tuple[frozenset[str], bool]:
        """The names bound at module level, and whether a star import may bind more at run time."""
        if self._bound is None:
            self._bound = _bound(_tree(self._source, self._filename).body)
        return self._bound

    def binds(self, name: str) -> bool:
        """Return whether a name is bound at module level."""
        return self._defines(name) or name in self.bound[0]

    def _defines(self, name: str) -> bool:
        """Return whether a function or a class is defined by this name, as the code tells."""
        if name in self.code.co_names:
            for each in self.code.co_consts:
                if isinstance(each, CodeType) and each.co_qualname == name:
                    return True
        return False

    def check_entry(self, fn_name: str) -> None:
        """Raise an error if this code cannot define a function."""
        if not (self.binds(fn_name) or self.is_expression or self.may_bind(fn_name)):
            raise self.entry_missing(fn_name)

    def may_bind(self, fn_name: str) -> bool:
        """Return whether running the code may bind a name without a binding at module level.

        By a star import, through `globals()`, or in a function with `global run`, for example.
        """
        if self._referenced is None:
            self._referenced = frozenset(_referenced(self.code))
        return self.bound[1] or not self._referenced.isdisjoint((fn_name, *_DYNAMIC_BINDERS))

    def entry_missing(self, fn_name: str) -> CallError:
        """Return the error for a missing function, with the names that exist."""
        bound = self.bound[0]
        names = sorted(bound - {fn_name})
        shown = ", ".join(names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
        existing = f"it defines {shown}" if names else "it defines nothing"
        if fn_name in bound:
            existing = "it deletes it, or defines it only under a condition"
        return CallError(
            "entry-missing",
            f"The code has no function {fn_name!r} at its top level: {existing}. "
            f"Write one, as in `{example(fn_name)}`, or name another function in fn_name.",
        )

    def suggestion(self, fn_name: str) -> str:
        """Return how to turn the code into something that can be called."""
        before = "Put `lambda: ` before it, or write" if self.is_expression else "Write"
        return f"{before} a function, as in `{example(fn_name)}`."


def example(fn_name: str) -> str:
    """Return an example of a function."""
    name = fn_name if fn_name.isidentifier() else "run"
    return f'def {name}(request): return "hello"'


def parse(source: str, filename: str) -> Parsed:
    """Compile source; a `code-invalid` error shows where it is broken."""
    code = _compiled_statements(source, filename)
    if code is not None:
        return Parsed(source, filename, code, is_expression=False)
    try:
        tree = _tree(source, filename)
        is_expression = len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)
        code = _compile(tree, filename, is_expression)
    except SyntaxError as err:
        raise _syntax_error(err, source) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as err:
        # Null bytes, or too deep nesting.
        reason = str(err) or type(err).__name__
        raise CallError("code-invalid", f"Python cannot read the code: {reason}.") from None
    return Parsed(source, filename, code, is_expression)


def _compiled_statements(source: str, filename: str) -> CodeType | None:
    """Compile source that begins with a statement, which is no expression; None if it cannot be.

    A tree of it, which shows what the rest may be, takes half as long again.
    """
    if not _begins_with_statement(source):
        return None
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _begins_with_statement(source: str) -> bool:
    """Return whether the first statement, or the one behind a docstring, can be no expression.

    In linear time, whatever the source.
    """
    at = _after_blank_lines(source, 0)
    quotes = _QUOTES.match(source, at)
    if quotes is not None:
        text_end = _end_of_text(source, quotes[1], quotes.end())
        line_end = _LINE_END.match(source, text_end)
        if line_end is None:
            # An expression may begin with a text.
            return False
        at = _after_blank_lines(source, line_end.end())
    return _STATEMENT.match(source, at) is not None


def _after_blank_lines(source: str, at: int) -> int:
    match = _BLANK_LINES.match(source, at)
    assert match is not None, "there may be none of them"
    return match.end()


def _end_of_text(source: str, quotes: str, at: int) -> int:
    """Return where a text in triple quotes ends, which begins at `at`."""
    while (found := source.find(quotes, at)) >= 0:
        escapes = found - at - len(source[at:found].rstrip("\\"))
        if escapes % 2 == 0:
            return found + len(quotes)
        # Of these quotes, a backslash makes the first one part of the text.
        at = found + 1
    return len(source)


def _tree(source: str, filename: str) -> ast.Module:
    if _STARTS_WITH_METHOD.match(source):
        # In brackets, a chain of methods may span lines; line numbers stay the same.
        source = f"(pipe(){source}\n)"
    try:
        return _parsed(source, filename)
    except SyntaxError:
        if _CONTINUES_WITH_METHOD.search(source) is None:
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
    """Change a leading `f(…)` to `pipe().f(…)` if `f` is a method of pipes."""
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


def _referenced(code: CodeType) -> Iterable[str]:
    """Return the global names and attributes in code and in its functions."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _referenced(inner)


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
    """Return the children of a node that bind names in the scope of the node."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.decorator_list
        case ast.Lambda() | ast.AnnAssign(value=None):
            return ()
        case ast.comprehension():
            # Its target is local to it; `:=` in a condition binds outside.
            return node.ifs
    return ast.iter_child_nodes(node)


def _syntax_error(err: SyntaxError, source: str) -> CallError:
    import traceback

    lines = source.splitlines()
    if err.text is None and err.lineno is not None and 0 < err.lineno <= len(lines):
        # The compiler gives no line for some errors, such as a `return` outside of functions.
        err.text = lines[err.lineno - 1]
    if err.lineno is None:
        return CallError("code-invalid", f"Python cannot read the code: {err.msg}.")
    err.filename = display_name(err.filename or "")
    shown = "".join(traceback.format_exception_only(err)).rstrip()
    return CallError("code-invalid", f"Python cannot read the code: line {err.lineno}.\n\n{shown}")
