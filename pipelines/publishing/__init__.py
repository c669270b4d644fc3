"""From the outbox to Parquet, and back to a ledger."""
