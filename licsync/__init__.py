"""Plumbing without domain words: settings, processes, broker, middleware, health, checks."""

from licsync.celery import app as celery_app

__all__ = ["celery_app"]
