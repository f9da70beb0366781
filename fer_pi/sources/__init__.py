"""One file a camera."""
