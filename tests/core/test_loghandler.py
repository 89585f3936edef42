"""Python's own logging, logged to a run."""

import io
import logging
import logging.handlers
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from tracker_core import AppRun, LogHandler, NativeTracker
from tracker_core.entries import LogEntry
from tracker_core.records import Batch
from tracker_core.testing import FaultyTracker, MemoryTracker

Install = Callable[..., AppRun]


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Give a logger that has the handlers of a test alone."""
    made = logging.Logger("job", 1)  # noqa: LOG001 - pytest reaches all the others
    yield made
    for handler in made.handlers:
        handler.close()


@pytest.fixture
def install(logger: logging.Logger) -> Install:
    """Give a function that logs what the logger is told to a run on trackers."""

    def installed(*trackers: NativeTracker, level: int = logging.NOTSET) -> AppRun:
        run = AppRun("r", trackers)
        logger.addHandler(LogHandler(run, level))
        return run

    return installed


def said(run: AppRun) -> list[tuple[str, str]]:
    """Give level and text of each message."""
    return [(entry.level, entry.message) for entry in run.logs()]


def about(entry: LogEntry) -> dict[str, object]:
    """Give the metadata of a message."""
    return dict(entry.metadata or {})


def test_record_is_logged_to_the_run(install: Install, logger: logging.Logger) -> None:
    """With the logger, the line and the thread."""
    run = install(MemoryTracker())

    logger.warning("loss is %s", 0.5)

    (entry,) = run.logs()
    assert (entry.level, entry.message) == ("warn", "loss is 0.5")
    told = about(entry)
    assert (told["logger"], told["file"]) == ("job", "test_loghandler.py")
    assert isinstance(told["line"], int)
    assert told["thread"] == threading.current_thread().name
    assert "exception" not in told


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (1, "debug"),
        (logging.DEBUG, "debug"),
        (19, "debug"),
        (logging.INFO, "info"),
        (25, "info"),
        (logging.WARNING, "warn"),
        (39, "warn"),
        (logging.ERROR, "error"),
        (logging.CRITICAL, "fatal"),
        (99, "fatal"),
    ],
)
def test_level_is_the_nearest_below(
    install: Install, logger: logging.Logger, number: int, level: str
) -> None:
    """Levels of the job's own too."""
    run = install(MemoryTracker())

    logger.log(number, "text")

    assert said(run) == [(level, "text")]


def test_milder_records_than_wanted_are_passed_over(
    install: Install, logger: logging.Logger
) -> None:
    """As every handler does."""
    run = install(MemoryTracker(), level=logging.WARNING)

    logger.info("a")
    logger.warning("b")

    assert said(run) == [("warn", "b")]


def test_records_that_a_filter_holds_back_are_passed_over(
    install: Install, logger: logging.Logger
) -> None:
    """A filter may also change what is logged."""
    run = install(MemoryTracker())

    def keep(record: logging.LogRecord) -> bool:
        record.msg = f"<{record.msg}>"
        return "secret" not in record.msg

    logger.handlers[0].addFilter(keep)

    logger.info("open")
    logger.info("secret")

    assert said(run) == [("info", "<open>")]


@pytest.mark.parametrize(
    ("message", "args", "text"),
    [
        ("100 %", (), "100 %"),
        ("%s of %d", ("a", 3), "a of 3"),
        ("%(a)s", ({"a": 1},), "1"),
        (ValueError("an object"), (), "an object"),
        (3, (), "3"),
        ("", (), ""),
        ("a\nb\0ä😀", (), "a\nb\0ä😀"),
        ("lone \udcff", (), "lone \\udcff"),
        ("%s", ("\ud800",), "\\ud800"),
        ("{}", (), "{}"),
    ],
)
def test_text_is_that_of_logging(
    install: Install,
    logger: logging.Logger,
    message: object,
    args: tuple[object, ...],
    text: str,
) -> None:
    """What cannot be encoded is shown with its number."""
    run = install(MemoryTracker())

    logger.info(message, *args)

    assert said(run) == [("info", text)]


def test_exception_is_told(install: Install, logger: logging.Logger) -> None:
    """Its type, message and traceback."""
    run = install(MemoryTracker())

    error = ValueError("no \udcff")
    logger.error("failed", exc_info=error)

    (entry,) = run.logs()
    found = cast("dict[str, str]", about(entry)["exception"])
    assert (entry.level, entry.message) == ("error", "failed")
    assert (found["type"], found["message"]) == ("ValueError", "no \\udcff")
    assert found["traceback"].endswith("ValueError: no \\udcff\n")


def test_no_exception_is_none(install: Install, logger: logging.Logger) -> None:
    """Also where one was asked for."""
    run = install(MemoryTracker())

    logger.error("failed", exc_info=(None, None, None))

    assert "exception" not in about(run.logs()[0])


def test_names_that_cannot_be_encoded_are_shown(install: Install) -> None:
    """A record is not lost over the name of a file or a thread."""
    run = install(MemoryTracker())
    handler = LogHandler(run)
    record = logging.makeLogRecord(
        {"name": "\udcff", "filename": "\udcfe", "threadName": None, "levelno": 20}
    )

    handler.handle(record)
    handler.close()

    assert about(run.logs()[0])["logger"] == "\\udcff"
    assert about(run.logs()[0])["file"] == "\\udcfe"


def test_message_that_cannot_be_made_is_reported_as_logging_does(
    install: Install, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job goes on; what is wrong is on stderr."""
    run = install(MemoryTracker())

    logger.info("%d", "a")
    logger.info("after")

    assert "--- Logging error ---" in capsys.readouterr().err
    assert said(run) == [("info", "after")]


def test_failing_backend_does_not_reach_who_logs(
    install: Install, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of a run that raises; the other backends have the message."""
    tracker = MemoryTracker()
    install(FaultyTracker(MemoryTracker()), tracker)

    logger.info("a")

    assert said(AppRun("r", [tracker])) == [("info", "a")]
    assert "planned to fail" in capsys.readouterr().err


def test_what_comes_after_the_end_is_passed_over(
    install: Install, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """The logging of the program outlives the run; nobody is told."""
    run = install(MemoryTracker())
    logger.info("a")
    run.finish()

    logger.info("b")

    assert said(run) == [("info", "a")]
    assert capsys.readouterr().err == ""


class Chatty(MemoryTracker):
    """A tracker that logs whatever it takes, by the logger of the job."""

    def __init__(self, logger: logging.Logger) -> None:
        """Use the logger."""
        super().__init__()
        self.logger = logger

    def write(self, batch: Batch) -> None:
        """Log twice, and take the batch in between."""
        self.logger.info("to write %d", batch.first)
        super().write(batch)
        self.logger.warning("written %d", batch.first)


def test_backend_that_logs_brings_forth_no_messages(
    install: Install, logger: logging.Logger
) -> None:
    """Each would be written, which would bring forth the next, without end."""
    run = install(Chatty(logger))

    logger.info("a")
    run.log_metric("x", 1)
    logger.info("b")

    assert said(run) == [("info", "a"), ("info", "b")]


def test_other_handlers_still_have_what_a_backend_logs(
    install: Install, logger: logging.Logger
) -> None:
    """It is passed over by this one alone."""
    install(Chatty(logger))
    stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(stream))

    logger.info("a")

    assert stream.getvalue().splitlines() == ["to write 1", "written 1", "a"]


def test_backend_of_another_run_is_one_like_any_other(
    install: Install, logger: logging.Logger
) -> None:
    """What it logs is logged to this run, once."""
    run = install(MemoryTracker())

    AppRun("other", [Chatty(logger)]).log_metric("x", 1)

    assert said(run) == [("info", "to write 1"), ("warn", "written 1")]


def test_two_runs_may_log_the_same(install: Install, logger: logging.Logger) -> None:
    """Each has every message once, though the backends of both log too."""
    runs = [install(Chatty(logger)), install(Chatty(logger))]

    logger.info("a")

    assert [said(run).count(("info", "a")) for run in runs] == [1, 1]


def test_threads_that_log_and_write_do_not_wait_for_each_other(
    install: Install, logger: logging.Logger
) -> None:
    """One logs through the handler; one is in a backend that logs. Both go on."""
    inside, waiting = threading.Event(), threading.Event()

    class Slow(MemoryTracker):
        def write(self, batch: Batch) -> None:
            if not inside.is_set():
                inside.set()
                waiting.wait()
                logger.info("from within")
            super().write(batch)

    run = install(Slow())

    class Noting(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if record.getMessage() == "from outside":
                waiting.set()
            return True

    logger.handlers[0].addFilter(Noting())

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(run.log_metric, "x", 1)
        inside.wait()
        logging_ = threads.submit(logger.info, "from outside")
        writing.result(60)
        logging_.result(60)

    assert said(run) == [("info", "from outside")]


def test_threads_may_log_at_once(install: Install, logger: logging.Logger) -> None:
    """Nothing is lost."""
    run = install(MemoryTracker())

    def work(number: int) -> None:
        for place in range(50):
            logger.info("%d/%d", number, place)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))

    assert len(set(said(run))) == 200


def test_records_may_come_through_a_queue(
    install: Install, logger: logging.Logger
) -> None:
    """As programs do that log from many processes."""
    run = install(MemoryTracker())
    (handler,) = logger.handlers
    records: queue.Queue[logging.LogRecord] = queue.Queue()
    logger.removeHandler(handler)
    sender = logging.handlers.QueueHandler(records)
    logger.addHandler(sender)
    listener = logging.handlers.QueueListener(records, handler)

    listener.start()
    logger.info("loss is %s", 0.5)
    listener.stop()
    handler.close()

    assert said(run) == [("info", "loss is 0.5")]


def test_handler_of_the_empty_run_does_nothing(logger: logging.Logger) -> None:
    """Nothing launched the process."""
    run = AppRun.run_from_env()
    logger.addHandler(LogHandler(run))

    logger.info("a")

    assert list(run.logs()) == []
