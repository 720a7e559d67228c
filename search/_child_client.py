"""A process that searches for this one, whose TensorFlow, threads and signals stay its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from search import errors
from search.errors import SearchError, StudyInterrupted
from search.problem.pickling import PickledProblem

_MODULE = "search._child_server"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done: the words of a command line, and the problem where it has no word.

    `go_on`: with the study that the words name, where there is one already. `mlflow`: whether it
    watches; a study in a folder that is thrown away needs none.
    """

    words: tuple[str, ...]
    pickled: PickledProblem | None = None
    go_on: bool = False
    mlflow: bool = True

    def write(self, stream: IO[bytes]) -> None:
        """Send it: a line of JSON, then the problem."""
        pickled, content = self.pickled, b""
        told: dict[str, Any] = {"words": self.words, "carried": None}
        told |= {"go_on": self.go_on, "mlflow": self.mlflow}
        if pickled is not None:
            content = pickled.content or b""
            told["carried"] = {"name": pickled.name, "digest": pickled.digest}
            told["bytes"] = len(content)
        stream.write(json.dumps(told).encode() + b"\n" + content)
        stream.flush()

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Request":
        """Take what was sent."""
        told = json.loads(stream.readline())
        pickled = None
        if told["carried"] is not None:
            pickled = PickledProblem(**told["carried"], content=stream.read(told["bytes"]))
        return cls(tuple(told["words"]), pickled, told["go_on"], told["mlflow"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: `said`, or an error by its class and those above it, or an interruption."""

    said: str | None = None
    error: tuple[str, ...] = ()
    interrupted: bool = False

    @classmethod
    def of(cls, error: SearchError) -> "Answer":
        """The answer that carries an error."""
        return cls(str(error), tuple(kind.__name__ for kind in type(error).__mro__))

    def dump(self) -> bytes:
        """The answer as JSON."""
        fields = {"said": self.said, "error": self.error, "interrupted": self.interrupted}
        return json.dumps(fields).encode()

    @classmethod
    def load(cls, content: bytes) -> "Answer":
        """The answer that `dump` wrote."""
        fields = json.loads(content)
        return cls(fields["said"], tuple(fields["error"]), fields["interrupted"])

    def unfolded(self) -> str:
        """What was said, where all went well.

        Raises: the error, as the nearest class of `search.errors`; StudyInterrupted, or
        KeyboardInterrupt where there was no study yet.
        """
        if self.interrupted:
            raise StudyInterrupted(self.said) if self.said else KeyboardInterrupt
        if not self.error:
            return self.said or ""
        kind = next(vars(errors)[name] for name in self.error if name in vars(errors))
        raise kind(self.said)


def ask(request: Request) -> str:
    """Have a request done by a process of its own, and return what it says.

    Whatever it writes, progress above all, appears on this process's `sys.stderr`. Ctrl-C here
    interrupts it, and so does the end of this process. It imports what this process could.

    Raises: as `Answer.unfolded`; SearchError when the process ends without an answer.
    """
    read_fd, write_fd = os.pipe()
    stream = None if sys.stderr is sys.__stderr__ else sys.stderr  # a notebook has its own
    try:
        process = subprocess.Popen(
            # -P: what it imports is what this process would import, and in its order
            [sys.executable, "-P", "-m", _MODULE, str(write_fd)],
            stdin=subprocess.PIPE,
            stdout=sys.__stderr__ if stream is None else subprocess.PIPE,
            stderr=None if stream is None else subprocess.STDOUT,
            pass_fds=(write_fd,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_folders())},
            process_group=0,  # Ctrl-C on the terminal must reach it once, from here
        )
    except BaseException:
        os.close(read_fd)
        raise
    finally:
        os.close(write_fd)
    with open(read_fd, "rb", buffering=0) as reader, process, _passed_on(process, stream):
        content, interrupted = _conversation(process, request, reader)
    if not content and interrupted:  # before it could answer anything
        raise KeyboardInterrupt
    if not content:
        raise SearchError(
            f"the process that searches must end with an answer, got none ({_end(process)}); "
            "go on with search.resume, or see what it printed"
        )
    return Answer.load(content).unfolded()


def _conversation(
    process: subprocess.Popen[bytes], request: Request, reader: Any
) -> tuple[bytes, bool]:
    """Send the request, hear the answer out; each Ctrl-C is passed on. Whether there was one."""
    assert process.stdin is not None  # it was asked for
    content, interrupted = b"", False
    while True:
        try:
            if not interrupted:
                with contextlib.suppress(BrokenPipeError):  # it has ended: no answer will come
                    request.write(process.stdin)
            while part := reader.read(65536):
                content += part
            return content, interrupted
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes], stream: Any) -> Iterator[None]:
    """Write to a stream of Python's what a process writes, until it has ended."""
    source, stdin = process.stdout, process.stdin

    def pump() -> None:
        for line in source or ():
            stream.write(line.decode(errors="replace"))
            stream.flush()

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield
    finally:
        if stdin is not None:
            stdin.close()  # whatever happened here: without a caller it ends
        thread.join()


def _folders() -> list[str]:
    return [str(Path(folder).absolute()) if folder == "" else folder for folder in sys.path]


def _end(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    return f"signal {-code}" if code < 0 else f"exit code {code}"
