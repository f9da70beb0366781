"""Trains, exports and judges the emotion classifier."""
