"""The virtual Raspberry Pi: boots, breaks and measures the appliance without a board; see docs/bench.md."""
