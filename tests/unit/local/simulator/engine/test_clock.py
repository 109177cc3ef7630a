import pytest

from aiflow_local.simulator.engine.clock import Clock, WaitInterrupted


def test_what_is_due_is_done_in_the_order_of_time_and_then_of_setting() -> None:
    clock, done = Clock(), list[str]()
    clock.after(20, lambda: done.append("late"))
    clock.after(10, lambda: done.append("first"))
    clock.after(10, lambda: done.append("second"))

    clock.run_until(20)

    assert done == ["first", "second", "late"]


def test_time_stands_at_each_thing_while_it_is_done() -> None:
    clock, times = Clock(), list[int]()
    clock.after(10, lambda: times.append(clock.now_ms))
    clock.after(30, lambda: times.append(clock.now_ms))

    clock.run_until(50)

    assert [*times, clock.now_ms] == [10, 30, 50]


def test_what_was_cancelled_is_not_done_and_does_not_move_time() -> None:
    clock, done = Clock(), list[str]()
    clock.after(10, lambda: done.append("never")).cancel()

    assert not clock.step(100)
    assert (done, clock.now_ms) == ([], 0)


def test_nothing_is_done_before_its_time() -> None:
    clock, done = Clock(), list[str]()
    clock.after(10, lambda: done.append("later"))

    assert not clock.step(9)
    assert not done


def test_a_delay_that_is_negative_is_none() -> None:
    clock, done = Clock(), list[int]()
    clock.run_until(10)
    clock.after(-5, lambda: done.append(clock.now_ms))

    clock.step(10)

    assert done == [10]


def test_for_people_time_takes_its_time() -> None:
    waits: list[float | None] = []
    clock = Clock(waits.append)
    clock.after(1500, lambda: None)

    clock.run_until(2000)

    assert waits == [1.5, 0.5]


def test_whoever_is_woken_up_has_waited_as_long_as_it_took() -> None:
    def wake_up(_: float | None) -> None:
        raise WaitInterrupted(300)

    clock = Clock(wake_up)
    clock.after(1000, lambda: None)
    with pytest.raises(WaitInterrupted):
        clock.step(1000)
    with pytest.raises(WaitInterrupted):
        clock.idle()

    assert clock.now_ms == 600


def test_nobody_waits_for_nothing_where_nothing_is_paced() -> None:
    clock = Clock()
    clock.idle()

    assert clock.now_ms == 0


def test_whoever_is_woken_up_finds_everything_as_it_was() -> None:
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
