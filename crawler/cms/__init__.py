"""Base classes and layouts for families of newspapers whose sites use the same content management system (CMS).

Modules here may import :mod:`crawler.spider` and the modules that it imports.

The docstrings of these modules and of the site files in `crawler/spiders/` grade the facts on which the declarations
rest. Grade A means that the site's own markup or text was seen. Grade B means that two or more independent programs or
sites agree on the fact. Grade C means that there is only one second-hand source, or an outdated one.
"""
