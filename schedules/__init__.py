"""DECIDES WHEN: launching runs, judging them, watching over them."""
