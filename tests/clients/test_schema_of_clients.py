"""The shapes that our clients were made of are those of the service."""

from clients import generate


def test_what_they_know_of_the_schema_is_so() -> None:
    """After a change of shapes: `make clients`."""
    made = generate.written(generate.of_games(generate.live_schema()))
    assert made == (generate.HERE / "schema.json").read_text()
