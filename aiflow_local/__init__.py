"""Developer tools: the `aiflow` command, the emulator and the simulator. Never deployed."""
