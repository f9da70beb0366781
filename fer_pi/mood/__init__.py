"""Tracking and smoothing: from what one frame shows to the mood of the room; pure, time is an argument."""
