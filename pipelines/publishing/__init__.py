"""Publishing the outbox to Parquet, and rebuilding a ledger from it. May import `analysis`, `ledger` and below."""
