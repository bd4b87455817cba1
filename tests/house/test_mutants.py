"""The guards that `make mutants` takes out are written as it says; it is too slow to be run with the suite."""

from tests.faults.mutants import MUTANTS, ROOT


def test_each_guard_stands_where_and_as_it_is_taken_out() -> None:
    changes = [change for mutant in MUTANTS for change in mutant.changes]
    assert changes
    for file, written, instead in changes:
        assert (ROOT / file).read_text().count(written) == 1, (file, written)
        assert instead != written
