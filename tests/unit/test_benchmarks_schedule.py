"""The benchmark's sums over a provider's record."""

from benchmarks import schedule


def test_ceiling_keeps_the_slots() -> None:
    """With two slots, five predictions of 9 s take three rounds."""
    assert schedule.greedy_makespan_ms([9_000] * 5, 2, 100) == 27_000


def test_ceiling_keeps_the_rate() -> None:
    """With three creates a minute the fourth starts with the second minute."""
    assert schedule.greedy_makespan_ms([1_000] * 4, 10, 3) == 61_000


def test_ceiling_refills_the_slot_that_is_free_first() -> None:
    """A short prediction's slot is used again before a long one's."""
    assert schedule.greedy_makespan_ms([10_000, 1_000, 5_000], 2, 100) == 10_000


def test_an_end_frees_before_an_arrival() -> None:
    """A create in the moment of an end is not one more in flight."""
    series = schedule.in_flight([0, 10], [10, 20])

    assert series == [(0, 1), (10, 0), (10, 1), (20, 0)]
    assert schedule.most_in_flight([0, 10], [10, 20]) == 1


def test_a_window_is_open_at_its_beginning() -> None:
    """A create exactly 60 s ago is no longer in the window, one a millisecond later is."""
    assert schedule.windows([0, 1, 60_000]) == [(0, 1), (1, 2), (60_000, 2)]
    assert schedule.most_in_window([0, 0, 59_999, 60_000]) == 3


def test_no_creates_are_no_windows() -> None:
    """An empty record has no maximum to fail on."""
    assert (schedule.most_in_window([]), schedule.most_in_flight([], [])) == (0, 0)


def test_an_end_makes_room_for_the_create_that_follows_it() -> None:
    """With two slots the first end frees the third create, the second the fourth."""
    assert schedule.handovers([0, 1, 10, 11], [9, 10, 19, 20], 2) == [(2, 0), (3, 1)]
