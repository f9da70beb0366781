"""Emotions read by hand-made features and classical classifiers, to compare the net with."""
