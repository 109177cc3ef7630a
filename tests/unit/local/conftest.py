import pytest

from tests.unit.local.cli.command import Run, runner


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `aiflow` with these arguments."""
    return runner(monkeypatch, capfd)
