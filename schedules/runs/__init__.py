"""What is known of runs: of those that go on, of those that ended, and of the latest of a newspaper."""
