"""One file an output."""
