"""Reading the data: tables, SQL, exports, histories."""
