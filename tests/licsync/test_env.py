import pytest
from django.core.exceptions import ImproperlyConfigured

from licsync import env


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in ("LICSYNC_X", "LICSYNC_X_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_an_unset_or_empty_variable_gives_the_default(monkeypatch):
    assert env.text("LICSYNC_X", "there") == "there"
    monkeypatch.setenv("LICSYNC_X", "  ")
    assert env.text("LICSYNC_X", "there") == "there"


def test_a_value_may_come_from_a_file(monkeypatch, tmp_path):
    file = tmp_path / "secret"
    file.write_text("  s3cret\n", encoding="utf-8")
    monkeypatch.setenv("LICSYNC_X_FILE", str(file))
    assert env.text("LICSYNC_X") == "s3cret"


def test_value_and_file_together_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("LICSYNC_X", "hidden-value")
    monkeypatch.setenv("LICSYNC_X_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured, match="set LICSYNC_X or LICSYNC_X_FILE, not both"):
        env.text("LICSYNC_X")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_file_that_gives_nothing_is_refused_by_name(monkeypatch, tmp_path, content):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("LICSYNC_X_FILE", str(file))
    with pytest.raises(ImproperlyConfigured, match=r"^LICSYNC_X_FILE: "):
        env.text("LICSYNC_X")


def test_a_missing_required_variable_says_what_to_set():
    with pytest.raises(ImproperlyConfigured, match=r"LICSYNC_X: must be set.*50 characters"):
        env.required("LICSYNC_X", "50 characters")


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("Yes", True), ("off", False)])
def test_a_flag_takes_the_usual_words(monkeypatch, value, meaning):
    monkeypatch.setenv("LICSYNC_X", value)
    assert env.flag("LICSYNC_X") is meaning


@pytest.mark.parametrize(
    "read",
    [
        env.flag,
        lambda name: env.number(name, 1, least=0, most=10),
        lambda name: env.seconds(name, 1, least=0, most=10),
        env.networks,
        lambda name: env.time_zone(name, "UTC"),
    ],
    ids=["flag", "number", "seconds", "networks", "time zone"],
)
@pytest.mark.parametrize("value", ["maybe", "11", "-1", "nan", "²"])
def test_a_wrong_value_is_refused_by_name_and_not_repeated(monkeypatch, read, value):
    monkeypatch.setenv("LICSYNC_X", value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        read("LICSYNC_X")
    assert str(refusal.value).startswith("LICSYNC_X: must be ")
    assert value not in {word.strip(".,") for word in str(refusal.value).split()}


def test_items_are_trimmed_and_empty_ones_dropped(monkeypatch):
    monkeypatch.setenv("LICSYNC_X", " a, ,b,")
    assert env.items("LICSYNC_X") == ["a", "b"]
