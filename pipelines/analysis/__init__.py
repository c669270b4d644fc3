"""Reading the data: tables, SQL, exports, histories, coverage. May import `storage` and `similarity`."""
