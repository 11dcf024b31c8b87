from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    name = "core.db"
    label = "core_db"
