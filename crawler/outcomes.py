"""The outcomes of a discovered URL, such as `story`, `gone` or `robots`."""

from enum import StrEnum


class Outcome(StrEnum):
    """The final state of a discovered URL in one run; every URL ends in exactly one outcome."""

    STORY = "story"
    EXACT_DUPLICATE = "exact_duplicate"
    UNCHANGED = "unchanged"
    SKIPPED_FRESH = "skipped_fresh"
    LIST = "list"
    EMPTY = "empty"
    NOT_A_STORY = "not_a_story"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    GONE = "gone"
    SOFT_ERROR = "soft_error"
    BLOCKED = "blocked"
    HTTP_ERROR = "http_error"
    CORRUPT = "corrupt"
    WRONG_TYPE = "wrong_type"
    TOO_LARGE = "too_large"
    UNREACHABLE = "unreachable"
    ROBOTS = "robots"
    REDIRECTED = "redirected"
    REDIRECT_LOOP = "redirect_loop"
    OFFSITE = "offsite"
    INVALID_URL = "invalid_url"
    TOO_DEEP = "too_deep"
    REMOVED_ON_REQUEST = "removed_on_request"
    PENDING = "pending"

    @property
    def meaning(self) -> str:
        """Description of the outcome in a few words, for the data dictionary and for reports."""
        return _OUTCOMES[self]

    @property
    def is_read(self) -> bool:
        """Return True if the page was read successfully as a story (new or known) or as a list of links."""
        return self in (Outcome.STORY, Outcome.EXACT_DUPLICATE, Outcome.UNCHANGED, Outcome.LIST)

    @property
    def is_failed(self) -> bool:
        """Return True if the request failed or the server refused it."""
        return self in (
            Outcome.UNREACHABLE,
            Outcome.BLOCKED,
            Outcome.HTTP_ERROR,
            Outcome.SOFT_ERROR,
            Outcome.CORRUPT,
            Outcome.ROBOTS,
        )

    @property
    def is_without_page(self) -> bool:
        """Return True if the server sent no usable page, because of a failure or a regular response such as 404."""
        return self.is_failed or self in (
            Outcome.GONE,
            Outcome.REDIRECTED,
            Outcome.REDIRECT_LOOP,
            Outcome.WRONG_TYPE,
            Outcome.TOO_LARGE,
        )


_OUTCOMES = {
    Outcome.STORY: "a story was extracted and stored, as new or as a new revision",
    Outcome.EXACT_DUPLICATE: "a story with the same text as a stored one; its id is in `aliases`",
    Outcome.UNCHANGED: "requested again, and the same as before",
    Outcome.SKIPPED_FRESH: "known and not due, so not requested",
    Outcome.LIST: "a listing page, feed or sitemap, read for its links",
    Outcome.EMPTY: "yields nothing: no link of a page is to a story, or no entry of a feed or sitemap is readable",
    Outcome.NOT_A_STORY: "a URL or page of another kind (video, photo, poll, search, section)",
    Outcome.REJECTED: "extracted as a story, but dropped by a step; `rejects` has the reason",
    Outcome.UNREADABLE: "the parser failed on it (internal error), or crashed",
    Outcome.GONE: "no longer there (404, 410)",
    Outcome.SOFT_ERROR: "an error page with a success status",
    Outcome.BLOCKED: "a challenge, a ban or a rate limit (401, 403, 429)",
    Outcome.HTTP_ERROR: "another status than 200",
    Outcome.CORRUPT: "a response that is cut short, corrupt, empty or not HTTP",
    Outcome.WRONG_TYPE: "not the content type that was requested",
    Outcome.TOO_LARGE: "larger than the limit",
    Outcome.UNREACHABLE: "no response: DNS, connection, certificate or timeout",
    Outcome.ROBOTS: "forbidden by robots.txt, or robots.txt could not be read",
    Outcome.REDIRECTED: "redirected to another URL, which has a row of its own",
    Outcome.REDIRECT_LOOP: "redirected too often",
    Outcome.OFFSITE: "on a host that is not the site's own",
    Outcome.INVALID_URL: "not a URL that can be requested",
    Outcome.TOO_DEEP: "further from the seed than this run goes",
    Outcome.REMOVED_ON_REQUEST: "a story that was removed by `khobor forget`, so not requested or stored",
    Outcome.PENDING: "not requested before the run ended; due in the next one",
}
