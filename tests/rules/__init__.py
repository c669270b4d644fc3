"""Rules for the code and its texts, checked over the whole checkout."""
