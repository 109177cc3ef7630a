"""Servers that a test starts on this machine."""

import socket
import subprocess
import time

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, seconds: float = 20) -> None:
    """Return as soon as the process accepts connections.

    Raises:
        RuntimeError: it ended instead, or took too long.
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
