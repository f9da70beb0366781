"""Fakes and made-up input, beside the real things that they stand for."""
