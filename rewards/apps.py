from django.apps import AppConfig


class RewardsConfig(AppConfig):
    name = "rewards"
    label = "rewards"

    def ready(self) -> None:
        from gamification.kernel.content import kinds, publishing
        from rewards import checks
        from rewards.content import CURRENCY, REWARD
        from rewards.rules import RewardRules, compile_rewards

        kinds.register(REWARD)
        kinds.register(CURRENCY)
        publishing.compiler(RewardRules, compile_rewards)
        publishing.validator(checks.problems)
