"""`python -m fer_pi` is `fer-pi`."""

from fer_pi.cli import main

main()
