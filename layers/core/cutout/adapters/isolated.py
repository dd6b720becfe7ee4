"""Have each source prepared by a process of its own, which may hang or die without harm.

Decoders are C code that strangers' bytes are given to. No limit of ours foresees every file that
keeps one busy for hours, or makes it write where it must not; in the function's own process such a
file would take the function with it, and come back with its message until that is a dead letter.
A process ends alone, and its end is a reason.
"""

import multiprocessing
import resource
import shutil
import signal
import tempfile
import warnings
from multiprocessing.connection import Connection
from typing import BinaryIO, Final, cast

from cutout.errors import ImageError, PreparingFailedError
from cutout.ports import PreparedImage, Preparer

CPU_SECONDS: Final = 60
"""Computing time of one source, of all its threads. It is not the time that passes, so that a busy
machine refuses no picture; 90 s is the function's timeout, and it has a little over one processor.
"""
DATA_BYTES: Final = 1_700 * 2**20
"""Memory of one source; the function has 2,048 MB, and its own process some 150 of them."""

# How decoders die of what they were given; by other signals somebody else ended them.
_CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
)
# A pipe needs no shared memory, which Lambda has not (AWS Compute Blog, "Parallel Processing in
# Python with AWS Lambda").
_FORK: Final = multiprocessing.get_context("fork")

_MADE, _REFUSED, _FAILED, _DIED = "made", "refused", "failed", "died"  # what the other one says


class IsolatedPreparer:
    """Asks another preparer, in a process of its own with bounded time and memory."""

    def __init__(
        self,
        preparer: Preparer,
        cpu_seconds: int = CPU_SECONDS,
        data_bytes: int = DATA_BYTES,
    ) -> None:
        """Keep whom to ask, and what it may use."""
        self._preparer = preparer
        self._cpu_seconds = cpu_seconds
        self._data_bytes = data_bytes

    def prepare(self, image: BinaryIO) -> PreparedImage:
        """Return a plain copy, as a temporary file.

        Raises:
            ImageError: the other one's reason, or `unsupported_format` if it did not end well.
            PreparingFailedError: something on this machine failed; another time it may not.
        """
        copy = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 the caller closes it
        try:
            found = self._asked(image, copy)
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return found

    def _asked(self, image: BinaryIO, copy: BinaryIO) -> PreparedImage:
        """Have the source prepared, wait, and return or raise what became of it."""
        receiver, sender = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=self._work, args=(image, copy, sender), daemon=True)
        with warnings.catch_warnings():
            # Forking with threads is warned of; the new process does nothing but decode.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        sender.close()
        with receiver:
            try:
                kind, *values = receiver.recv()
            except EOFError:
                kind, values = _DIED, []
        process.join()
        if kind == _MADE:
            return PreparedImage(copy, *values)
        if kind == _REFUSED:
            raise ImageError(*values)
        if kind == _DIED:
            raise self._death(process.exitcode or 0)
        raise PreparingFailedError(f"the source could not be prepared: {values[0]}")

    def _death(self, exit_code: int) -> ImageError | PreparingFailedError:
        """Return what the end of a process that said nothing means."""
        if exit_code == -signal.SIGXCPU:
            message = f"Decoding the image took more than {self._cpu_seconds} s of computing."
            return ImageError("unsupported_format", message)
        if -exit_code in _CRASHES:
            return ImageError("unsupported_format", "The decoder crashed on the image.")
        return PreparingFailedError(f"the source's process ended with {exit_code}")

    def _work(self, image: BinaryIO, copy: BinaryIO, sender: Connection) -> None:
        """Prepare the source and say how it went; this is the other process."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (self._cpu_seconds, self._cpu_seconds + 5))
        resource.setrlimit(resource.RLIMIT_DATA, (self._data_bytes, self._data_bytes))
        try:
            found = self._preparer.prepare(image)
            shutil.copyfileobj(found.file, copy)
            copy.flush()
            sender.send((_MADE, found.width, found.height, found.content_type, found.notes))
        except ImageError as error:
            sender.send((_REFUSED, error.code, str(error)))
        except Exception as error:  # noqa: BLE001 it is told, not swallowed
            sender.send((_FAILED, repr(error)))
