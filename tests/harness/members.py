"""A front with two members in the place of one server, to see that it answers the same."""

import os
from collections.abc import Iterable, Mapping, Sequence

# How many members run the calls of each server of the tests; none if it runs them itself.
MEMBERS = int(os.environ.get("OWT_TEST_MEMBERS", "0"))

# The options that are about workers, and how many values each takes.
OF_WORKERS = {
    "--dependencies": 1,
    "--environment-age": 1,
    "--install-timeout": 1,
    "--max-abandoned": 1,
    "--max-adaptors": 1,
    "--python": 1,
    "--queue": 1,
    "--threads": 1,
    "--worker-drain": 1,
    "--worker-kill-rss": 1,
    "--worker-max-age": 1,
    "--worker-max-calls": 1,
    "--worker-max-rss": 1,
    "--workers": 1,
}

# Those that are about both.
OF_BOTH = {
    "--grace": 1,
    "--log-tracebacks": 0,
    "--max-body": 1,
    "--no-eval": 0,
    "--body-timeout": 1,
    "--max-buffered": 1,
}


# With these, a server reads arguments as data; its members have to as well.
DATA_ONLY = ("--only-routes", "--only-digests")

# Who may call, which members do not ask.
OF_FRONT = ("OWT_AUTH", "OWT_AUTH_FILE", "OWT_TOKEN")


def of_members(options: Sequence[str]) -> list[str]:
    """Return the options of a server that its members have."""
    data_only = ["--no-eval"] if any(option in options for option in DATA_ONLY) else []
    return [*_taken(options, OF_WORKERS | OF_BOTH), *data_only]


def members_environment(env: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables of a server that its members have."""
    return {name: value for name, value in (env or {}).items() if name not in OF_FRONT}


def of_front(options: Sequence[str]) -> list[str]:
    """Return the options of a server that its front has."""
    members = set(_places(options, OF_WORKERS))
    return [option for at, option in enumerate(options) if at not in members]


def _taken(options: Sequence[str], table: dict[str, int]) -> Iterable[str]:
    return (options[at] for at in _places(options, table))


def _places(options: Sequence[str], table: dict[str, int]) -> Iterable[int]:
    for at, option in enumerate(options):
        name, _, value = option.partition("=")
        if name in table:
            yield from range(at, at + 1 + (0 if value else table[name]))


# What is not the same with members, and why.
EXCEPTIONS = {
    "test_abandoned.py::test_a_call_that_comes_after_a_stuck_one_is_for_the_next_worker": (
        "it may be for another member"
    ),
    "test_abandoned.py::test_a_call_that_runs_on_has_its_worker_replaced_gently": (
        "the next call may be for another member"
    ),
    "test_abandoned.py::test_a_worker_with_too_many_abandoned_calls_is_replaced_gently": (
        "workers are counted and replaced where they are"
    ),
    "test_abandoned.py::test_what_only_waits_is_left_alone_and_costs_nobody_anything": (
        "what is abandoned is counted where it is"
    ),
    "test_calls.py::test_a_call_is_queued_then_runs_then_streams": "two members have two threads",
    "test_failures.py::test_a_call_beyond_the_queue_is_told_to_come_back": (
        "what one member has no place for goes to the next"
    ),
    "test_fairness.py::test_a_flood_is_refused_while_others_are_taken": (
        "what one member has no place for goes to the next"
    ),
    "test_fairness.py::test_adaptors_that_wait_for_the_only_thread_take_turns": (
        "two members have two threads"
    ),
    "test_leaving.py::test_a_generator_that_has_not_yielded_makes_room": (
        "what one member has no place for goes to the next"
    ),
    "test_seed.py": "owt.args is that of the member",
    "test_summat.py::test_a_command_ends_with_its_worker": "workers are processes of the members",
    "test_summat.py::test_state_is_closed_at_the_end_of_the_server": (
        "its end is not that of the members"
    ),
    "test_summat.py::test_state_is_kept_warm_and_closed_when_its_adaptors_are_forgotten": (
        "adaptors share what is at the same member"
    ),
    "test_upload.py::test_a_large_file_of_a_form_needs_little_memory": (
        "its file is at the member as well"
    ),
}


def exception(test: str) -> str | None:
    """Return why a test is not for a server with members, if it is not."""
    found = (
        why for name, why in EXCEPTIONS.items() if f"{test}[".startswith((f"{name}[", f"{name}::"))
    )
    return next(found, None) if MEMBERS else None
