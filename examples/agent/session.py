"""A Python session that remembers: what one step defines, the next one finds.

owt call examples/agent/session.py session:me code:'x = 6'
owt call examples/agent/session.py session:me code:'x * 7'
"""

import ast
import contextlib
import io
import threading

sessions = {}
# What is printed goes to one place for the whole process.
lock = threading.Lock()


def run(session, code="", variables=None):
    """Run a step, and return its last expression and what it has printed."""
    names = sessions.setdefault(session, {"__name__": "__main__"})
    answers = []
    names.update(variables or {}, final_answer=answers.append)
    tree = ast.parse(code, "step.py")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, output = io.StringIO(), None
    with lock, contextlib.redirect_stdout(printed):
        exec(compile(tree, "step.py", "exec"), names)
        if last is not None:
            output = eval(compile(ast.Expression(last.value), "step.py", "eval"), names)
    return {
        "output": answers[0] if answers else output,
        "logs": printed.getvalue(),
        "is_final_answer": bool(answers),
    }


def end(session):
    """Forget a session."""
    sessions.pop(session, None)
