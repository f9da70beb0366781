"""From a reading to a picture; pure."""
