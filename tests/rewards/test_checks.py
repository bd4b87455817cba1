"""What is asked of a reward by its type."""

from __future__ import annotations

import pytest

from gamification.kernel.content.publishing import Definitions
from rewards import checks
from rewards.content_serializers import RewardShape
from rewards.rules import RewardType


@pytest.mark.parametrize("type_", [each for each in RewardType if each.needs])
def test_a_type_is_refused_without_the_field_that_it_needs(type_: RewardType) -> None:
    definitions = Definitions({"reward": {"prize": RewardShape().run_validation({"id": "prize", "type": type_.value})}})
    definitions.before = {}
    found = [(problem.path, problem.code) for problem in checks.problems(definitions)]
    assert found == [(type_.needs, "required")]
