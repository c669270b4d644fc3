"""Reading of pages without declarations. May import `parsing` and what it imports, but no Scrapy."""
