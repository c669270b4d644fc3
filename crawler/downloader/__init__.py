"""Download of pages: restriction to allowed hosts, robots.txt, retries and checks of responses.

Modules here may import `crawler.parsing` and the modules that it imports.
"""
