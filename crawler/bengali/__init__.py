"""Bengali text: Unicode normalisation, joiners, words, language detection and dates.

Modules here import no other package of the project, and no Scrapy.
"""
