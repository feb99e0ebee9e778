"""The metadata block of an adaptor: a comment that holds TOML (PEP 723, inline script metadata)."""

from __future__ import annotations

import re

from owt._errors import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# From the specification: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def metadata(source: str) -> dict[str, Any]:
    """Return what the block `script` of a source says; a broken one is `metadata-invalid`."""
    if "# /// script" not in source:
        return {}
    # Clients may send any ends of lines.
    lines = source.replace("\r\n", "\n").replace("\r", "\n")
    blocks = [found for found in _BLOCK.finditer(lines) if found["type"] == "script"]
    if len(blocks) > 1:
        raise CallError("metadata-invalid", "There is more than one metadata block `# /// script`.")
    if not blocks:
        return {}
    return _loads("".join(map(_uncommented, blocks[0]["content"].splitlines(keepends=True))))


def options(source: str) -> dict[str, Any]:
    """Return the section `[tool.owt]` of the metadata block."""
    tool = metadata(source).get("tool")
    found = tool.get("owt") if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else {}


def _uncommented(line: str) -> str:
    return line[2:] if line.startswith("# ") else line[1:]


def _loads(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as err:
        reason = str(err) or type(err).__name__
        raise CallError(
            "metadata-invalid", f"The metadata block of the code is not TOML: {reason}."
        ) from None
