"""Random streams are named, not counted."""

from synthgain.seeding import derive, rng


def test_a_stream_depends_on_every_part_of_its_name_only() -> None:
    assert derive(0, "edm", 1) == 7838449107609339128, "a change here changes every published number"
    names = [derive(s, *key) for s in (0, 1) for key in (("a",), ("a", 1), ("a", "1", "b"), ("ab",), ())]
    assert len(set(names)) == len(names)
    assert rng(3, "x").random() == rng(3, "x").random()


def test_seeds_fit_every_library() -> None:
    assert all(0 <= derive(0, n) < 2**63 for n in range(100))
