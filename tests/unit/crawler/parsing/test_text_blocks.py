"""Text blocks in document order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.text_blocks import TextBlock, text_blocks


def read(markup: str, without: str = "") -> list[TextBlock]:
    body = LexborHTMLParser(markup).body
    assert body is not None
    return list(text_blocks(body, {node.mem_id for node in body.css(without)} if without else frozenset()))


def texts(markup: str, without: str = "") -> list[str]:
    return [block.text for block in read(markup, without)]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>এক</p><p>দুই</p>", ["এক", "দুই"]),
        ("এক<br>দুই<br/><br>তিন", ["এক", "দুই", "তিন"]),
        ("<div>আগে<div>ভেতরে</div>পরে</div>", ["আগে", "ভেতরে", "পরে"]),
        ("<h3>উপশিরোনাম</h3><p><b>মোটা</b></p>", ["উপশিরোনাম", "মোটা"]),
        ("<p>\n  এক\n\n দুই&nbsp;\t তিন </p>", ["এক দুই তিন"]),
        ("<ul><li>ক<ul><li>খ</li></ul></li><li>গ</ul>", ["ক", "খ", "গ"]),
        ("<blockquote>“ক”<footer>খ</footer></blockquote>", ["“ক”", "খ"]),
        ("<p></p><p>&nbsp;</p><p><br></p><div> \n </div>", []),
        ("<span>ক</span><span>খ</span>", ["কখ"]),
        ("<p>ক &lt;b&gt; খ &amp; গ</p>", ["ক <b> খ & গ"]),
    ],
)
def test_visible_paragraph_is_a_block(markup: str, expected: list[str]) -> None:
    assert texts(markup) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<table><tr><td>ক<td>খ<tr><td>গ<td>ঘ</table>", ["ক | খ", "গ | ঘ"]),
        ("<table><tr><th>ক</th><td><p>খ</p><p>গ</p></td></tr></table>", ["ক | খ গ"]),
        ("<table>\n<tr>\n<td></td>\n<td>ক</td>\n<td> </td>\n<td>খ</td>\n</tr>\n</table>", ["ক | খ"]),
        ("<table><tr><td>ক<br>খ</td><td>গ</td></tr></table>", ["ক খ | গ"]),
        (
            "<table><caption>নাম</caption><thead><tr><th>ক<th>খ</thead><tfoot><tr><td>গ<td>ঘ</table>",
            ["নাম", "ক | খ", "গ | ঘ"],
        ),
        # A table for layout is not a data table.
        ("<table><tr><td><img src=x></td><td><p>ক</p><p>খ</p></td></tr></table>", ["ক", "খ"]),
        ("<table><tr><td>ক</td><td><table><tr><td>১<td>২</table></td></tr></table>", ["ক", "১ | ২"]),
        ("<figure class=table><table><tr><td>ক<td>খ</table><figcaption>গ</figcaption></figure>", ["ক | খ"]),
    ],
)
def test_table_row_is_one_block(markup: str, expected: list[str]) -> None:
    assert texts(markup) == expected


SILENT = """<script>ক</script>
<style>ক</style>
<noscript><p>ক</p></noscript>
<iframe>ক</iframe>
<svg><title>ক</title><text>ক</text></svg>
<button>ক</button>
<form><p>ক</p><select><option>ক</select></form>
<aside><p>ক</p></aside>
<figure><img alt=ক><figcaption>ক</figcaption></figure>
<!-- ক -->
<?php ক ?>
<![CDATA[ক]]>
<div class=drop><p>ক<p>ক</div>
<img alt=ক title=ক>"""


@pytest.mark.parametrize("silent", SILENT.splitlines())
def test_invisible_element_is_skipped(silent: str) -> None:
    assert texts(f"<p>আগে</p>{silent}<p>পরে</p>", ".drop") == ["আগে", "পরে"]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p><a href=/x>ক</a> <a href=/y>খ</a></p>", [("", ("/x", "/y"))]),
        ("<p>দেখুন <a href=/x>ক</a></p>", [("দেখুন", ("/x",))]),
        ("<p><a href=/x></a>ক</p>", [("ক", ())]),
        ("<p><a href=/x>ক</p><p>খ</p>", [("", ("/x",)), ("", ("/x",))]),
        ("<a href=/x><p>ক</p><p>খ</p></a>গ", [("", ("/x",)), ("", ("/x",)), ("গ", ())]),
    ],
)
def test_block_separates_linked_text(markup: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(block.unlinked, block.links) for block in read(markup)] == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p><img alt=ছ><br>ক</p><p>খ</p>", ["ছ", None]),
        ("<p>ক <img alt=ছ></p><p>খ</p>", [None, "ছ"]),
        ("<figure><img alt=ছ><figcaption>x</figcaption></figure><p>ক</p>", ["ছ"]),
        ("<div class=drop><img alt=ছ></div><p>ক</p>", ["ছ"]),
        ("<img><p>ক</p>", [""]),
    ],
)
def test_block_records_the_picture_above(markup: str, expected: list[str | None]) -> None:
    assert [block.picture for block in read(markup, ".drop")] == expected


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("42203726252736022f2d246c252d346c2026", "budget@mof.gov.bd"),
        ("", "[email protected]"),
        ("42ff", "[email protected]"),
    ],
)
def test_hidden_mail_address_is_decoded(code: str, shown: str) -> None:
    hidden = f'<a href="/cdn-cgi/l/email-protection" data-cfemail="{code}">[email&#160;protected]</a>'
    assert texts(f"<p>লিখুন {hidden} এ</p>") == [f"লিখুন {shown} এ"]
    assert texts(f"<p>{hidden}</p>") == [shown]


def test_deep_page_is_parsed() -> None:
    assert texts("<b>" * 3000 + "<p>ক</p>") == ["ক"]


PIECES = ["<p>", "</p>", "<div>", "</div>", "<table>", "<tr>", "<td>", "</table>", "<a href=x>", "</a>", "<br>", "<b>"]
PIECES += ["</b>", "<img>", "<ul><li>", "<h2>", "ক", "খ "]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_visible_letter_is_in_one_block(pieces: list[str]) -> None:
    body = LexborHTMLParser("".join(pieces)).body
    assert body is not None
    seen = "".join("".join(block.text for block in text_blocks(body)).split()).replace("|", "")
    assert seen == "".join(body.text().split())
