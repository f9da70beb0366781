"""The board itself and the service manager around it."""
