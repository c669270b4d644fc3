"""Files, folders and locks of the data folder."""
