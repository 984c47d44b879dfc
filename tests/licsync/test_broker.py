import multiprocessing
import os
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue

from licsync import broker

QUEUE = Queue("work", Exchange("work"), routing_key="work")
SIZE = 60_000  # characters: more than one write of the system's page size


@pytest.fixture
def folder(tmp_path):
    broker.Transport.global_state.clear()  # bindings that this process knows of other folders
    broker.prepare(tmp_path)
    return tmp_path


def processes():
    """Processes that know this module already, so that they start at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def connect(folder):
    return Connection(
        "filesystem://",
        transport=broker.Transport,
        transport_options={
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
        },
    )


def send(folder, numbers):
    with connect(folder) as connection:
        producer = connection.Producer(serializer="json")
        for number in numbers:
            producer.publish(
                {"number": number, "text": "x" * SIZE},
                exchange=QUEUE.exchange,
                routing_key="work",
                declare=[QUEUE],
            )


def receive(folder, until, results):
    """Take messages until ``until`` is set and none is left; put their numbers, or what failed."""
    with connect(folder) as connection:
        queue = connection.SimpleQueue(QUEUE)
        while True:
            done = until.is_set()
            try:
                message = queue.get(block=False)
            except queue.Empty:
                if done:
                    return
                continue
            results.put((message.payload["number"], len(message.payload["text"])))
            message.ack()


def test_messages_come_in_the_order_sent(folder):
    send(folder, range(5))
    with connect(folder) as connection:
        queue = connection.SimpleQueue(QUEUE)
        for number in range(5):
            message = queue.get(block=False)
            assert message.payload["number"] == number
            message.ack()
        with pytest.raises(queue.Empty):
            queue.get(block=False)
    assert list((folder / "messages").iterdir()) == []


def test_what_was_taken_but_not_acknowledged_goes_back_when_the_consumer_stops(folder):
    send(folder, [1])
    with connect(folder) as connection:
        connection.SimpleQueue(QUEUE).get(block=False)
        assert list((folder / "messages").iterdir()) == []
    assert len(list((folder / "messages").iterdir())) == 1


def test_no_message_is_torn_lost_or_taken_twice_between_processes(folder):
    context = processes()
    results, until = context.Queue(), context.Event()
    senders = [
        context.Process(target=send, args=(folder, range(start, 300, 2))) for start in (0, 1)
    ]
    receivers = [context.Process(target=receive, args=(folder, until, results)) for _ in range(2)]
    for process in (*senders, *receivers):
        process.start()
    for process in senders:
        process.join(60)
    until.set()
    found = [results.get(timeout=60) for _ in range(300)]
    for process in receivers:
        process.join(60)
    assert sorted(number for number, _ in found) == list(range(300))
    assert {length for _, length in found} == {SIZE}
    assert {process.exitcode for process in (*senders, *receivers)} == {0}


def test_a_message_that_another_consumer_took_meanwhile_is_passed_over(folder, monkeypatch):
    send(folder, [1])
    with connect(folder) as connection:
        channel = connection.default_channel
        listing = os.listdir(folder / "messages")
        channel._get("work")
        monkeypatch.setattr(os, "listdir", lambda _path: listing)
        with pytest.raises(Empty):
            channel._get("work")


def test_bindings_of_processes_that_start_at_once_are_all_kept(folder):
    context = processes()
    binders = [context.Process(target=bind, args=(folder, name)) for name in "abcd"]
    for process in binders:
        process.start()
    for process in binders:
        process.join(60)
    with connect(folder) as connection:
        table = connection.default_channel.get_table("shared")
    assert sorted(binding.queue for binding in table) == sorted(
        f"{name}{number}" for name in "abcd" for number in range(20)
    )


def bind(folder, name):
    with connect(folder) as connection:
        channel = connection.default_channel
        for number in range(20):
            channel._queue_bind("shared", "", "", f"{name}{number}")
            assert channel.get_table("shared")


def test_a_deleted_queue_leaves_the_table_and_no_message(folder):
    send(folder, [1, 2])
    with connect(folder) as connection:
        QUEUE(connection.default_channel).delete()
        assert connection.default_channel.get_table("work") == []
    assert list((folder / "messages").iterdir()) == []


def test_preparing_keeps_messages_and_clears_what_dead_processes_left(folder):
    send(folder, [1])
    messages = folder / "messages"
    (kept,) = messages.iterdir()
    for name in (
        ".half-written",
        ".0001_a.work.msg.taken",
        "0001_b.licsync@8000.celery.pidbox.msg",
    ):
        (messages / name).write_text("{", encoding="utf-8")
    assert list((folder / "control").iterdir())
    broker.prepare(folder)
    assert list(messages.iterdir()) == [kept]
    assert not (folder / "control").exists()
    send(folder, [2])
