from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from gamification.kernel.core.one_a_process import OneAProcess


def test_threads_that_ask_at_the_same_time_get_the_same_object() -> None:
    one, begin = OneAProcess(object), Barrier(8)

    def ask() -> object:
        begin.wait()
        return one()

    with ThreadPoolExecutor(8) as pool:
        assert len({id(future.result()) for future in [pool.submit(ask) for _ in range(8)]}) == 1


def test_what_is_stopped_is_ended_once_and_another_is_made() -> None:
    ended: list[object] = []
    one = OneAProcess(object, end=ended.append)
    first = one()
    one.stop()
    one.stop()
    assert ended == [first]
    assert one.made is None
    assert one() is not first


def test_a_forked_child_begins_with_nothing() -> None:
    one = OneAProcess(os.getpid)
    assert one() == os.getpid()
    with one._making:  # as a thread may hold it at that moment
        child = os.fork()
        if not child:
            os._exit(0 if one.made is None and one() == os.getpid() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert one() == os.getpid()
