"""Templates: rendered, escaped, and read again when their files change."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jinja2
import pytest

from owt.summat import Missing, template
from tests.fake import error_of, reply_to


def test_values_are_escaped_unless_they_are_marked() -> None:
    source = "<p title='{{ text }}'>{{ text|safe }}</p>"
    expected = "<p title='&lt;b&gt;&#39;&#34;&amp;'><b>'\"&</p>"
    assert template.render(source, text="<b>'\"&") == expected


def test_a_value_may_have_any_name() -> None:
    assert template.render("{{ source }} {{ self_ }}", source="a", self_="b") == "a b"


def test_files_extend_and_include_others_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "base.html").write_text("<h1>{% block title %}{% endblock %}</h1>")
    (tmp_path / "name.html").write_text("{{ name }}")
    page = tmp_path / "page.html"
    page.write_text(
        '{% extends "base.html" %}{% block title %}{% include "name.html" %}{% endblock %}'
    )
    assert template.render(page, name="<x>") == "<h1>&lt;x&gt;</h1>"


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text("one {{ x }}")
    assert template.render(page, x="<") == "one &lt;"
    page.write_text("two {{ x }}")
    os.utime(page, (1, 1))
    assert template.render(page, x="<") == "two &lt;"


def test_a_file_outside_of_the_folder_is_not_included(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages" / "page.html"
    page.write_text('{% include "../secret" %}')
    with pytest.raises(jinja2.TemplateNotFound, match=r"\.\./secret"):
        template.render(page)


def test_an_adaptor_returns_html() -> None:
    source = (
        "from owt.summat import template\n"
        "def run(_, name): return template.render('<p>{{ name }}</p>', name=name)"
    )
    status, kind, _headers, body = reply_to(source, kwargs='{"name": "<owt>"}')
    assert (status, kind, body) == (200, "text/html; charset=utf-8", b"<p>&lt;owt&gt;</p>")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("{{ nothing }}", "UndefinedError: 'nothing' is undefined"),
        (
            "{% if %}",
            "TemplateSyntaxError: Expected an expression, got 'end of statement block'",
        ),
    ],
)
def test_an_invalid_template_is_an_error_of_the_adaptor(page: str, text: str) -> None:
    source = f"from owt.summat import template\ndef run(_): return template.render({page!r})"
    code, message = error_of(source)
    assert (code, message.splitlines()[0]) == ("adaptor-raised", text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(jinja2.TemplateNotFound, match=r"none\.html"):
        template.render(tmp_path / "none.html")


def test_without_jinja2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    template._environment.cache_clear()
    with pytest.raises(Missing) as caught:
        template.render("never seen before")
    assert str(caught.value) == "owt.summat.template needs jinja2: pip install jinja2"
