"""Read a site: from seed URLs to typed items. Imports nothing of `pipelines` and `schedules`, except `settings`."""
