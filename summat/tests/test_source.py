"""What the source of an adaptor shows before it runs."""

from __future__ import annotations

import time

import pytest

from owt._errors import CallError
from owt._source import _compiled_statements, parse
from tests.fake import error_of, text_of


def bound(source: str) -> tuple[set[str], bool]:
    parsed = parse(source, "<adaptor 0>")
    names, binds_more = parsed.bound
    assert all(map(parsed.binds, names))
    return set(names), binds_more


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def run(): pass", {"run"}),
        ("async def run(): pass", {"run"}),
        ("class run: x = 1", {"run"}),
        ("@wrap(step := 1)\ndef run(): inner = 1", {"run", "step"}),
        ("run = go = print", {"run", "go"}),
        ("(a, [b, *c]) = x", {"a", "b", "c"}),
        ("run: object = print", {"run"}),
        ("run: object", set()),
        ("run += 1", {"run"}),
        ("x.run = x['run'] = 1", set()),
        ("import run", {"run"}),
        ("import os.path", {"os"}),
        ("import os.path as run", {"run"}),
        ("from a import b as run, c", {"run", "c"}),
        ("for run in x: deep = 1", {"run", "deep"}),
        ("with x as run: pass", {"run"}),
        ("try: a = 1\nexcept E as err: b = 1\nelse: c = 1\nfinally: d = 1", set("abcd")),
        ("if x: a = 1\nelse: b = 1", {"a", "b"}),
        ("while (run := x): pass", {"run"}),
        ("(run := print)", {"run"}),
        ("[run for run in x if (kept := run)]", {"kept"}),
        ("lambda run: (inner := run)", set()),
        (
            "match x:\n case [a, *b]: pass\n case {'k': c, **d}: pass\n case E() as e: pass",
            set("abcde"),
        ),
        ("def other():\n  global run\n  run = 1", {"other"}),
    ],
)
def test_names_bound_at_module_level_are_found(source: str, names: set[str]) -> None:
    assert bound(source) == (names, False)


def test_a_star_import_may_bind_more() -> None:
    assert bound("from os.path import *\nx = 1") == ({"x"}, True)


@pytest.mark.parametrize(
    ("source", "kwargs", "expected"),
    [
        ("lambda name: name", "{'name': 'owt'}", "owt"),
        ("(\n  # in brackets\n  lambda name: name\n)\n", "{'name': 'owt'}", "owt"),
        ("(run := lambda: 'bound')", None, "bound"),
        ("str.upper", "shout", "SHOUT"),
        ("pipe().const('made')", None, "made"),
        ("const('made')", None, "made"),
        ("const('made').f(str.upper).done()", None, "MADE"),
        ("f(lambda name: name + '!')", "{'name': 'owt'}", "owt!"),
        (".const('made')", None, "made"),
        ("# a comment\n.const('made')\n.f(str.upper)  # at the end", None, "MADE"),
        ("map(str)", "[1]", None),
        ("from posixpath import *\nrun = basename", "/a/b", "b"),
    ],
)
def test_an_expression_is_the_handler(
    source: str, kwargs: str | None, expected: str | None
) -> None:
    if expected is None:
        assert parse(source, "<adaptor 0>").is_expression
    else:
        assert text_of(source, kwargs=kwargs) == expected


@pytest.mark.parametrize(
    "source",
    [
        "def run(): pass",
        "x = 1",
        "x=1",
        "if x:\n    pass",
        "\n# a comment\n\nfrom os import *",
        '"""Tells what it is for."""\nimport os',
        "# a comment\r\n\r\ndef run(): pass\r\n",
        "try:\n    pass\nfinally:\n    pass",
        '"""Ends with a quote: \\"""" \nx = 1',
        "r'''Two lines,\nand \\d quotes: \"\"\".'''  # said\n\n# more\nx = 1",
    ],
)
def test_code_is_compiled_at_once_where_its_beginning_is_no_expression(source: str) -> None:
    assert _compiled_statements(source, "<adaptor 0>") is not None
    assert not parse(source, "<adaptor 0>").is_expression


@pytest.mark.parametrize(
    "source",
    [
        "x == 1",
        "assertion",
        '"""Text."""',
        '"""Text."""\n# a comment',
        "('''Text.'''\n.upper)",
        "'''Text.\\'''\nx = 1\n'''",
        '"""Text.""" + """\nx = 1\n"""',
        '"""Text.""".replace("""\nif you like\n""", "")',
        "f(x=1)",
        ".f(str.upper)\n.done()",
    ],
)
def test_what_may_be_an_expression_is_looked_at_as_a_tree(source: str) -> None:
    assert _compiled_statements(source, "<adaptor 0>") is None
    assert parse(source, "<adaptor 0>").is_expression


@pytest.mark.parametrize(
    "source",
    [
        "#\r\n" * 100_000 + "print(1)",
        '"""\n' + '#"""\n' * 100_000 + "1",
        '"""' + "a" * 1_000_000,
        '"""' + '\\"' * 300_000,
        "x" * 1_000_000,
        "x" + " " * 1_000_000 + "y",
    ],
    ids=["comments", "ends", "text", "escapes", "name", "spaces"],
)
def test_the_beginning_of_code_is_found_in_linear_time(source: str) -> None:
    began = time.process_time()
    assert _compiled_statements(source, "<adaptor 0>") is None
    assert time.process_time() - began < 1


def test_a_star_import_may_provide_the_handler() -> None:
    assert text_of("from posixpath import *", kwargs="/a/b", fn_name="basename") == "b"


def test_another_function_can_be_named() -> None:
    assert text_of("def run(): 'not this'\ndef go(): return 'went'", fn_name="go") == "went"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", "it defines nothing"),
        ("x = 1\ndef go(): pass", "it defines go, x"),
        ("raise SystemExit('this must not run')\ndef go(): pass", "it defines go"),
    ],
)
def test_a_missing_function_is_reported_before_anything_runs(source: str, text: str) -> None:
    assert error_of(source) == (
        "entry-missing",
        f"The code has no function 'run' at its top level: {text}. "
        'Write one, as in `def run(request): return "hello"`, or name another function in fn_name.',
    )


@pytest.mark.parametrize(
    ("source", "kind", "way_out"),
    [
        ("run = 5", "int", "Write"),
        ("'only text'", "str", "Put `lambda: ` before it, or write"),
        ("1+1", "int", "Put `lambda: ` before it, or write"),
        ("len('a')", "int", "Put `lambda: ` before it, or write"),
        ("print('hello')", "NoneType", "Put `lambda: ` before it, or write"),
    ],
)
def test_values_that_cannot_be_called_are_not_handlers(
    source: str, kind: str, way_out: str
) -> None:
    assert error_of(source) == (
        "entry-missing",
        f"What the code gives for 'run' is of type {kind}, which cannot be called. "
        f'{way_out} a function, as in `def run(request): return "hello"`.',
    )


@pytest.mark.parametrize("source", ["def run(): pass\ndel run", "if not owt: run = print"])
def test_a_deleted_function_is_missing(source: str) -> None:
    code, text = error_of(source)
    assert (code, text.partition(". ")[0]) == (
        "entry-missing",
        "The code has no function 'run' at its top level: "
        "it deletes it, or defines it only under a condition",
    )


@pytest.mark.parametrize(
    "source",
    [
        "globals()['run'] = lambda: 'bound'",
        "globals().update(run=lambda: 'bound')",
        "vars()['run'] = lambda: 'bound'",
        "import os\nexec('def run(): return \"bound\"')",
        "setattr(sys.modules[__name__], 'run', lambda: 'bound')",
        "sys.modules[__name__].run = lambda: 'bound'",
        "def make():\n  global run\n  run = lambda: 'bound'\nmake()",
        "def make():\n  def inner():\n    globals()['run'] = lambda: 'bound'\n  inner()\nmake()",
        "def run(): return 'first'\nglobals()['run'] = lambda: 'bound'",
    ],
)
def test_a_function_may_be_bound_by_any_means_of_python(source: str) -> None:
    assert [text_of(source), text_of(source)] == ["bound", "bound"]


def test_names_that_the_code_does_not_bind_are_not_functions() -> None:
    code, _text = error_of("globals()['run'] = print", fn_name="walk")
    assert code == "entry-missing"


def test_a_syntax_error_shows_its_line_as_python_does() -> None:
    with pytest.raises(CallError) as raised:
        parse("def run(_):\n    return (1,\n", "<adaptor 012345678901>")
    assert (raised.value.code, raised.value.text) == (
        "code-invalid",
        "Python cannot read the code: line 2.\n"
        "\n"
        '  File "<adaptor 012345678901>", line 2\n'
        "    return (1,\n"
        "           ^\n"
        "SyntaxError: '(' was never closed",
    )


def test_an_error_that_the_compiler_finds_shows_its_line_too() -> None:
    with pytest.raises(CallError) as raised:
        parse("x = 1\nreturn x", "<adaptor 0>")
    assert raised.value.text == (
        "Python cannot read the code: line 2.\n"
        "\n"
        '  File "<adaptor 0>", line 2\n'
        "    return x\n"
        "    ^^^^^^^^\n"
        "SyntaxError: 'return' outside function"
    )


@pytest.mark.parametrize(
    "source",
    ["x = '\0'", "(" * 10_000, "-" * 100_000 + "1", "x" + ".x" * 100_000, "x = '\ud800'"],
)
def test_code_beyond_the_limits_of_the_parser_is_invalid(source: str) -> None:
    with pytest.raises(CallError) as raised:
        parse(source, "<adaptor 0>")
    assert raised.value.code == "code-invalid"
    assert raised.value.text.startswith("Python cannot read the code: ")


def test_future_imports_of_owt_do_not_apply_to_adaptors() -> None:
    # Annotations are values: owt's own `from __future__ import annotations` does not apply.
    assert text_of("def f(x: 1 + 1): pass\ndef run(): return str(f.__annotations__['x'])") == "2"


@pytest.mark.parametrize(
    "source", ["x = 1\n.f(str)", "const(1)\n.f(str", "const(1)\n.f(str)\nx = 1"]
)
def test_errors_in_a_chain_of_methods_are_reported(source: str) -> None:
    with pytest.raises(SyntaxError) as expected:
        compile(source, "<adaptor 0>", "exec")
    with pytest.raises(CallError) as raised:
        parse(source, "<adaptor 0>")
    assert raised.value.code == "code-invalid"
    assert raised.value.text.endswith(f"SyntaxError: {expected.value.msg}")
