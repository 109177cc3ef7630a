"""The developer's machine: the `aiflow` command, the gateway and the phone. Never deployed."""
