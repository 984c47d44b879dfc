"""licsync's settings and one more view, for bench_pages."""

from licsync.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.pages_urls"
