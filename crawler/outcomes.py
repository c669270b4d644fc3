"""The outcomes of a URL."""

from enum import StrEnum


class Outcome(StrEnum):
    """What came of one discovered address; every address ends in exactly one."""

    STORY = "story"
    COPY = "copy"
    UNCHANGED = "unchanged"
    KNOWN = "known"
    LIST = "list"
    NOT_A_STORY = "not_a_story"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    GONE = "gone"
    SOFT_ERROR = "soft_error"
    BLOCKED = "blocked"
    HTTP_ERROR = "http_error"
    BROKEN = "broken"
    WRONG_TYPE = "wrong_type"
    TOO_LARGE = "too_large"
    UNREACHABLE = "unreachable"
    ROBOTS = "robots"
    REDIRECTED = "redirected"
    REDIRECT_LOOP = "redirect_loop"
    OFFSITE = "offsite"
    BAD_ADDRESS = "bad_address"
    TOO_DEEP = "too_deep"
    NOT_REACHED = "not_reached"

    @property
    def meaning(self) -> str:
        """The outcome in one clause, for the dictionary and for people."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Outcome.STORY: "a story was read and accepted, new or as a new revision",
    Outcome.COPY: "a story word for word like one that is kept; its id went to `aliases`",
    Outcome.UNCHANGED: "asked again, and the same as before",
    Outcome.KNOWN: "known and not due, so not asked",
    Outcome.LIST: "a list page, feed or sitemap, read for its links",
    Outcome.NOT_A_STORY: "an address or a page of another kind (video, photo, poll, search, section)",
    Outcome.REFUSED: "read as a story, but a step refused it; `rejects` says why",
    Outcome.UNREADABLE: "our reader failed on it; an error of ours",
    Outcome.GONE: "no longer there (404, 410)",
    Outcome.SOFT_ERROR: "an error page served as if it were good",
    Outcome.BLOCKED: "a challenge, a ban or a request for patience (401, 403, 429)",
    Outcome.HTTP_ERROR: "another status than 200",
    Outcome.BROKEN: "an answer cut short or corrupt",
    Outcome.WRONG_TYPE: "not the type of content that was asked for",
    Outcome.TOO_LARGE: "larger than the limit",
    Outcome.UNREACHABLE: "no answer: name, connection, certificate or time",
    Outcome.ROBOTS: "robots.txt forbids it, or could not be read",
    Outcome.REDIRECTED: "led to another address, which has a row of its own",
    Outcome.REDIRECT_LOOP: "redirected too often",
    Outcome.OFFSITE: "on a host that is not the site's own",
    Outcome.BAD_ADDRESS: "not an address that can be asked for",
    Outcome.TOO_DEEP: "further from the seed than this run goes",
    Outcome.NOT_REACHED: "still waiting when the run ended; due in the next one",
}
