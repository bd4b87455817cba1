from collections import Counter
from uuid import UUID, uuid4

import pytest

from gamification.kernel.core import shares
from rewards.rules import distribution_id

PLAYERS = [f"player-{n}" for n in range(20_000)]


def test_a_players_share_is_that_of_the_crc_which_everybody_computes():
    # By zlib.crc32, `crc32` of PHP, Ruby or Go: 0xCBF43926 is the check value of CRC-32.
    assert shares.share_of("123456789", 256) == 0x26
    assert shares.share_of("123456789", 16) == 0x6
    assert shares.share_of("ann", 4) == 3
    assert shares.share_of("ann", 1) == 0


@pytest.mark.parametrize("number", [1, 2, 4, 8, 16, 32, 64, 128, 256])
def test_the_shares_are_about_equal(number):
    found = Counter(shares.share_of(player, number) for player in PLAYERS)
    assert set(found) == set(range(number))
    assert max(found.values()) < 2 * len(PLAYERS) / number


def test_players_can_be_cut_into_powers_of_two_up_to_256():
    assert [n for n in range(-1, 1025) if shares.can_be(n)] == [1, 2, 4, 8, 16, 32, 64, 128, 256]


@pytest.mark.parametrize("number", [1, 4, 256])
def test_the_id_of_what_a_player_was_given_names_their_share(number):
    for player in PLAYERS[:500]:
        id_ = distribution_id(player, "ACHIEVEMENT", "first", "0", 0)
        assert shares.share_of_uuid(id_, number) == shares.share_of(player, number)


def test_marking_an_id_leaves_the_other_bytes():
    id_ = uuid4()
    marked = shares.marked(id_.bytes, "123456789")
    assert marked.bytes == id_.bytes[:-1] + b"\x26"
    assert isinstance(marked, UUID)


@pytest.mark.parametrize("number", [1, 4, 256])
def test_the_number_of_a_row_names_its_share_and_no_other_share_gives_it(number):
    taken: set[int] = set()
    for share in range(number):
        first, step = shares.numbering(share, number)
        numbers = [first + n * step for n in range(5)]
        assert {shares.share_of_row(each, number) for each in numbers} == {share}
        assert taken.isdisjoint(numbers)
        taken.update(numbers)
    assert taken == set(range(1, 5 * number + 1))


def test_items_keep_their_order_within_their_share():
    found = shares.by_share(PLAYERS, lambda player: player, 4)
    assert sorted(found) == [0, 1, 2, 3]
    for share, players in found.items():
        assert players == [player for player in PLAYERS if shares.share_of(player, 4) == share]
    assert shares.by_share(PLAYERS, lambda player: player, 1) == {0: PLAYERS}
