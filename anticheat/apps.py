from django.apps import AppConfig


class AntiCheatConfig(AppConfig):
    name = "anticheat"
    label = "anticheat"
