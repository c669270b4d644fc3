"""Bengali text: normal form, joiners, words, language and dates. Imports nothing of the project, and no Scrapy."""
