"""Downloads: allowed hosts, robots.txt, retries and checks of responses. May import `parsing` and all below it."""
