"""Advice about modules that are missing, mostly because this is the wrong Python or folder."""

from __future__ import annotations

import sys

from owt import _server

# Names on PyPI of packages whose modules have other names.
PACKAGES = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "jwt": "pyjwt",
    "llama_cpp": "llama-cpp-python",
    "magic": "python-magic",
    "nacl": "pynacl",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "usb": "pyusb",
    "whisper": "openai-whisper",
    "win32api": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_ANOTHER_PYTHON = "start owt with --python and the virtualenv that has it."


def advice(err: ModuleNotFoundError) -> str:
    """Return what to do about a missing module."""
    if err.name is None:
        return ""
    top = err.name.partition(".")[0]
    if top in sys.modules:
        # The package is installed, but has no such module.
        return f"\n\nAdaptors run in {sys.executable}, whose {top} has no such module."
    return f"\n\nAdaptors run in {sys.executable}, which has no {top}. {_next_step(top)}"


def _next_step(top: str) -> str:
    if top in sys.stdlib_module_names:
        return (
            "It belongs to the standard library, and this Python was built or packaged without "
            f"it: install what brings it, or {_ANOTHER_PYTHON}"
        )
    if top in PACKAGES:
        package = PACKAGES[top]
        return (
            f"The package {package} brings it: {sys.executable} -m pip install {package}, "
            f"or {_ANOTHER_PYTHON}"
        )
    package = _installed_with(top)
    if package:
        return (
            f"The package {package} should bring it and is installed, but not whole: "
            f"{sys.executable} -m pip install --force-reinstall {package}"
        )
    return f"Install it there, or {_ANOTHER_PYTHON} If {top} is a file of yours: {_where()}"


def _where() -> str:
    """Return where files of the user's are looked for."""
    if sys.flags.safe_path:
        return (
            "PYTHONSAFEPATH is set, so modules are not looked for in the folder in which owt was "
            "started. Name their folder in PYTHONPATH."
        )
    return (
        "modules are looked for in the folder in which owt was started, which is "
        f"{_server.start_directory()}."
    )


def _installed_with(top: str) -> str:
    """Return the installed package that should have a module; mostly there is none."""
    from importlib.metadata import packages_distributions

    try:
        return packages_distributions().get(top, [""])[0]
    except Exception:
        # The metadata of packages may be broken, and this only improves a message.
        return ""
