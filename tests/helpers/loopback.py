"""Local servers of tests."""

import socket
import subprocess
import time

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_listening(process: subprocess.Popen[bytes], port: int, seconds: float = 20) -> None:
    """Return as soon as the process accepts connections.

    Raises:
        RuntimeError: the process ended, or took too long.
    """
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    process.kill()
    message = f"nothing listens on port {port} (exit status {process.wait()})"
    raise RuntimeError(message)
