"""The root of the checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
