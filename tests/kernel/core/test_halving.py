from __future__ import annotations

from gamification.kernel.core.halving import Parts


def test_a_part_that_fails_is_halved_until_what_is_to_blame_stands_alone() -> None:
    todo, tried, to_blame = Parts(range(1, 7)), [], []
    while todo:
        part = todo.next
        tried.append(part)
        if 4 not in part:
            todo.done()
        elif len(part) > 1:
            todo.halve()
        else:
            to_blame += part
            todo.done()
    assert to_blame == [4]
    assert tried == [[1, 2, 3, 4, 5, 6], [1, 2, 3], [4, 5, 6], [4], [5, 6]]


def test_what_is_put_last_joins_the_last_part_and_what_is_put_first_is_next() -> None:
    todo = Parts[int]()
    assert not todo
    todo.put_last([1, 2])
    todo.put_last([3])
    todo.put_first([4])
    assert todo.next == [4]
    todo.put_off()
    assert todo.next == [1, 2, 3]
