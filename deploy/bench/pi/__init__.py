"""A Raspberry Pi that is emulated: its webcam, pins, screen and plug are in the hands of the scenarios beside this."""
