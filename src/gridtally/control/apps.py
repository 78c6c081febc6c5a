"""Django's entry for the control database; guards are put back after every migration."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate

__all__ = ["ControlConfig"]


class ControlConfig(AppConfig):
    """The one application."""

    name = "gridtally.control"
    label = "control"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Django drops SQLite triggers silently when it rebuilds a table: install them again."""
        from gridtally.control import guards

        post_migrate.connect(lambda **_: guards.install(), sender=self, weak=False)
