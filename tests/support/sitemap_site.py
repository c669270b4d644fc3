"""A minimal newspaper: a sitemap index, sitemaps, and any number of stories."""

import asyncio
import threading
import time

WORDS = (
    *("ঢাকা", "শহরের", "মানুষ", "আজ", "সকালে", "নদীর", "ধারে", "বাজার", "বসিয়ে", "নতুন"),
    *("ধানের", "খবর", "শুনে", "আনন্দে", "গান", "গেয়ে", "বাড়ি", "ফিরেছে", "সবাই"),
)
STORY = """<!DOCTYPE html><html lang="bn"><head><meta charset="utf-8"><title>{headline}</title></head><body>
<div class="headline_content_block"><h1 class="details-title">{headline}</h1></div>
<div class="entry_update">প্রকাশ : ১০ জানুয়ারি ২০২৬, ০৭:০৫ পিএম</div>
<div class="dtl_content_section"><div class="dtl_section"><p>{first}</p></div>
<div class="dtl_section"><p>{second}</p></div></div></body></html>"""


def story(number: int) -> str:
    turned = WORDS[number % 19 :] + WORDS[: number % 19]
    first = " ".join(f"{word} {number * (place + 3) % 9973}" for place, word in enumerate(turned))
    return STORY.format(headline=f"খবর {number} {turned[0]}", first=first, second=" ".join(turned * 3))


def answer(target: str, pages: int, per_sitemap: int) -> tuple[str, str]:
    site = "https://www.kalbela.com"
    if target == "/robots.txt":
        return "text/plain", f"User-agent: *\nSitemap: {site}/sitemap.xml\n"
    if target == "/sitemap.xml":
        maps = "".join(f"<sitemap><loc>{site}/map-{n}.xml</loc></sitemap>" for n in range(pages // per_sitemap))
        return "text/xml", f"<sitemapindex>{maps}</sitemapindex>"
    if target.startswith("/map-"):
        first = int(target[5:].removesuffix(".xml")) * per_sitemap
        urls = "".join(f"<url><loc>{site}/world/{first + n + 1}</loc></url>" for n in range(per_sitemap))
        return "text/xml", f"<urlset>{urls}</urlset>"
    number = target.rpartition("/")[2]
    return "text/html; charset=utf-8", story(int(number)) if number.isdigit() else "<html><body></body></html>"


class SitemapSite:
    """Server in a daemon thread; `asked` holds the time and path of each request."""

    def __init__(self, pages: int, per_sitemap: int = 1000) -> None:
        self.pages, self._per_sitemap = pages, per_sitemap
        self.asked: list[tuple[float, str]] = []
        self._loop = asyncio.new_event_loop()
        server = self._loop.run_until_complete(asyncio.start_server(self._converse, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                target = head.split(b" ", 2)[1].decode()
                self.asked.append((time.monotonic(), target))
                kind, text = answer(target, self.pages, self._per_sitemap)
                body = text.encode()
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
