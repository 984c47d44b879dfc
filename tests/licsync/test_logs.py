import io
import json
import logging
import secrets

import pytest
import structlog

from licsync import logs

EMAIL = "mona.lisa+x@example.co.uk"
TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture(params=[False, True], ids=["json", "readable"])
def written(request):
    """What is written when ``action`` logs, by the formatter of one of the two modes."""
    configuration = logs.configuration(readable=request.param)
    formatter = dict(configuration["formatters"]["lines"])
    handler = logging.StreamHandler()
    handler.setFormatter(formatter.pop("()")(**formatter))

    def written(action):
        logger = logging.getLogger("tests.logs")
        logger.handlers, logger.propagate = [handler], False
        handler.setStream(lines := io.StringIO())
        action(logger)
        return lines.getvalue()

    return written


def test_an_address_in_a_message_is_removed(written):
    line = written(lambda logger: logger.warning("cannot read %s of %d", EMAIL, 3))
    assert EMAIL not in line
    assert "[removed]" in line
    assert "of 3" in line


@pytest.mark.parametrize("end", ["", "/", "?next=/"])
def test_the_token_of_a_link_that_signs_in_is_removed_by_whomever_it_is_logged(written, end):
    token = secrets.token_urlsafe(32)
    line = written(lambda logger: logger.warning("Not Found: %s", f"/sign-in/{token}{end}"))
    assert token not in line
    assert "Not Found: /sign-in/[removed]" in line
    assert "/sign-in/corp/confirm" in written(lambda log: log.warning("/sign-in/corp/confirm"))


def test_a_token_in_an_exception_is_removed(written):
    def action(logger):
        try:
            int(f"Authorization: Bearer {TOKEN} for {EMAIL}")
        except ValueError:
            logger.exception("failed")

    line = written(action)
    assert TOKEN not in line
    assert EMAIL not in line
    assert "ValueError" in line


def test_what_is_named_a_secret_is_removed_at_any_depth(written):
    def action(_logger):
        structlog.stdlib.get_logger("tests.logs").warning(
            "sent", body=b"text", headers={"Authorization": "x y", "Accept": "text/csv"}, tries=2
        )

    line = written(action)
    assert "text/csv" in line
    assert "x y" not in line
    assert "b'text'" not in line
    assert "2" in line


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@ghes1.example.com/x",
        "Basic bGljc3luYzpodW50ZXIyaHVudGVyMg==",
        "github_pat_11ABCDEFG0_hunter2hunter2",
        "lsc_hunter2hunter2-_hunter2",
        "hunter2@xn--bcher-kva.example",
    ],
)
def test_known_shapes_of_secrets_are_removed(text):
    found = logs.redact(None, "info", {"event": f"before {text} after"})["event"]
    assert "hunter2" not in found
    assert "bGljc3" not in found
    assert found.startswith("before ")
    assert found.endswith(" after")


def test_plain_words_stay():
    event = {"event": "the token belongs to another host", "host": "ghes1.example.com", "run": 7}
    assert logs.redact(None, "info", dict(event)) == event


def test_production_writes_one_json_object_a_line(capsys):
    configuration = logs.configuration(readable=False)
    formatter = dict(configuration["formatters"]["lines"])
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "two\nlines", (), None)
    line = formatter.pop("()")(**formatter).format(record)
    assert "\n" not in line
    assert json.loads(line)["event"] == "two\nlines"
