import pytest

from aiflow_local.simulator.engine.clock import Clock, WaitInterrupted


def test_timers_run_in_order_of_time_and_then_of_creation() -> None:
    clock, done = Clock(), list[str]()
    clock.after(20, lambda: done.append("late"))
    clock.after(10, lambda: done.append("first"))
    clock.after(10, lambda: done.append("second"))

    clock.run_until(20)

    assert done == ["first", "second", "late"]


def test_the_clock_has_the_time_of_the_running_timer() -> None:
    clock, times = Clock(), list[int]()
    clock.after(10, lambda: times.append(clock.now_ms))
    clock.after(30, lambda: times.append(clock.now_ms))

    clock.run_until(50)

    assert [*times, clock.now_ms] == [10, 30, 50]


def test_a_cancelled_timer_does_not_run_or_move_time() -> None:
    clock, done = Clock(), list[str]()
    clock.after(10, lambda: done.append("never")).cancel()

    assert not clock.step(100)
    assert (done, clock.now_ms) == ([], 0)


def test_no_timer_runs_early() -> None:
    clock, done = Clock(), list[str]()
    clock.after(10, lambda: done.append("later"))

    assert not clock.step(9)
    assert not done


def test_a_negative_delay_is_zero() -> None:
    clock, done = Clock(), list[int]()
    clock.run_until(10)
    clock.after(-5, lambda: done.append(clock.now_ms))

    clock.step(10)

    assert done == [10]


def test_in_real_time_the_clock_waits() -> None:
    waits: list[float | None] = []
    clock = Clock(waits.append)
    clock.after(1500, lambda: None)

    clock.run_until(2000)

    assert waits == [1.5, 0.5]


def test_an_interrupted_wait_moves_time_by_its_duration() -> None:
    def wake_up(_: float | None) -> None:
        raise WaitInterrupted(300)

    clock = Clock(wake_up)
    clock.after(1000, lambda: None)
    with pytest.raises(WaitInterrupted):
        clock.step(1000)
    with pytest.raises(WaitInterrupted):
        clock.idle()

    assert clock.now_ms == 600


def test_virtual_time_never_waits() -> None:
    clock = Clock()
    clock.idle()

    assert clock.now_ms == 0


def test_an_interrupted_wait_keeps_all_timers() -> None:
    def wake_up(_: float | None) -> None:
        raise KeyboardInterrupt

    clock, done = Clock(wake_up), list[str]()
    clock.after(1000, lambda: done.append("done"))
    with pytest.raises(KeyboardInterrupt):
        clock.step(1000)
    assert (clock.now_ms, done) == (0, [])

    clock.after(0, lambda: done.append("now"))
    clock.step(0)

    assert done == ["now"]
