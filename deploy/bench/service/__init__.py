"""What needs a running systemd, in containers: started, told, broken and looked at like on a Pi, in minutes."""
