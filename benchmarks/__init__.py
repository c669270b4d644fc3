"""How fast the parts are and how right, side by side with what a user would use instead: `make bench`."""
