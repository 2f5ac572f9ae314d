"""The processes that decode pictures: a nursery, which has imported what decoding takes, and its children.

    service ── app.images.nursery ──→ nursery ─ fork ─→ child ←── pictures, and what is made of them ──→ service

The nursery is a fresh program with one thread: Python, NumPy, Pillow and libheif, no model and no driver, and none
of the service's environment. It decodes nothing but samples of its own. It forks a child for each connection that
it is handed: in some milliseconds, and sharing the pages of all that was imported. The child confines itself
(``app.images.confinement``) before it reads the first byte of a picture. The first child of all decodes samples
confined; where it cannot, for a system call that the filter does not know of, children go without the filter.

Memory that a picture took is kept for the next one, as clearing its pages anew takes a sixth of the time of a
large one; a child with nothing to do gives it back.

Nobody outlives whom they work for. The nursery ends when its connection does, which happens with the service's
process however that ends, and children die with the nursery. Signals from a terminal or a supervisor are for the
service: pictures that are on their way when it is told to stop are finished.
"""

import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import NoReturn

from PIL import Image, ImageCms

from app.domain.errors import PictureRefused
from app.images.confinement import Confinement, confine, data_bytes, limit_data, limit_seconds
from app.images.decode import MorePixels, decode_picture
from app.images.decoding_messages import Head, read, written
from app.images.orders import ORDERS, CheckThumbnail, CutOut, Made, MakeThumbnail, Show, Shrink, TakeFingerprints
from app.machine import give_back_memory, keep_freed_memory

REQUEST = struct.Struct("<ci")
"""To the nursery: ``FORK`` with a connection, or ``END`` and a child."""

FORK, END = b"F", b"E"
ANSWER = struct.Struct("<i")
"""From the nursery: once what holds in its children (``Confinement``), then the child, or how it ended."""

_MOST_BYTES = 1 << 31
"""Of a picture; callers refuse far smaller ones."""

_IDLE_SECONDS = 30
_PAUSE_SECONDS = 0.2
_MOST_PICTURES = 500
_LARGE_BYTES = 192 << 20
_SLACK_BYTES = _LARGE_BYTES + (64 << 20)
"""What is kept counts as taken."""


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_FAULT_CHARACTERS = 4000
_FAILED = 0x40


def main(arguments: Sequence[str]) -> None:
    """Be the nursery. ``arguments``: the descriptor of its connection, then modules to import beforehand."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as control:
        for name in arguments[1:]:
            import_module(name)
        os.chdir("/")
        keep_freed_memory()
        _decode_samples()
        gc.collect()
        gc.freeze()
        holds = _try_confinement(filtered=True) or _try_confinement(filtered=False) or Confinement.NONE
        control.sendall(ANSWER.pack(holds.value))
        _tend(control, filtered=Confinement.SYSTEM_CALLS in holds)


def _tend(control: socket.socket, *, filtered: bool) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
        if len(message) < REQUEST.size:
            return
        kind, pid = REQUEST.unpack(message)
        if kind == FORK:
            answer = _fork(control, descriptors[0], filtered=filtered)
            os.close(descriptors[0])
        else:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            answer = os.waitpid(pid, 0)[1]
        control.sendall(ANSWER.pack(answer))


def _fork(control: socket.socket, connection: int, *, filtered: bool) -> int:
    """The new child; 0 where there is no memory or no room for one."""
    nursery = os.getpid()
    try:
        child = os.fork()
    except OSError:
        return 0
    if not child:
        _be_child(control, connection, nursery, filtered=filtered)
    return child


def _be_child(control: socket.socket, connection: int, nursery: int, *, filtered: bool) -> NoReturn:
    status = 1
    try:
        control.close()
        # What libraries complain of is what a stranger wrote.
        os.dup2(1, 2)
        memory = data_bytes()
        confine(nursery, filtered=filtered)
        _serve(connection, memory)
        status = 0
    finally:
        os._exit(status)


def _try_confinement(*, filtered: bool) -> Confinement | None:
    """What holds in children here; None where they could not work."""
    nursery, child = os.getpid(), os.fork()
    if not child:
        status = _FAILED
        try:
            os.dup2(1, 2)
            holds = confine(nursery, filtered=filtered)
            _decode_samples()
            status = holds.value
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Confinement(status) if 0 <= status < _FAILED else None


def _serve(connection: int, memory: int | None) -> None:
    """Answer one picture after the other, until there is none or this process is no longer as small as it was.

    ``memory``: the bytes that it had before the first.
    """
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    for served in range(1, _MOST_PICTURES + 1):
        if not waiting.poll(_PAUSE_SECONDS * 1000):
            give_back_memory()
            if not waiting.poll(_IDLE_SECONDS * 1000):
                _write(connection, {"idle": True})
                return
        message = read(lambda buffer: os.readv(connection, [buffer]), most=_MOST_BYTES)
        if message is None:
            return
        head, parts = _answer(*message, memory)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
        last = served == _MOST_PICTURES or peak > _LARGE_BYTES or "fault" in head
        _write(connection, {**head, "last": last}, parts)
        if last:
            return


def _answer(
    head: Head, parts: Sequence[memoryview], memory: int | None
) -> tuple[Head, Sequence[bytes | memoryview]]:
    """The message for one picture."""
    try:
        limit_seconds(head["seconds"])
        if memory is not None:
            limit_data(memory + _SLACK_BYTES + head["memory"])
        order = ORDERS[head["order"]](**head["members"])
        decode = partial(decode_picture, max_pixels=head["max_pixels"], granted=head["granted"])
        made: Made = order.make(bytes(parts[0]), decode)
    except PictureRefused as refused:
        return {"refused": str(refused)}, ()
    except MorePixels as more:
        return {"pixels": more.pixels}, ()
    except MemoryError:
        return {"refused": "the picture needs more memory than there is"}, ()
    except Exception as error:  # noqa: BLE001 (its place is told to the process that asked, which refuses the picture)
        # Without its words, which may hold what a stranger wrote.
        places = (f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__))
        return {"fault": "; ".join([type(error).__name__, *places])[:_FAULT_CHARACTERS]}, ()
    return {"facts": made.facts}, made.parts


def _write(connection: int, head: Head, parts: Sequence[bytes | memoryview] = ()) -> None:
    for piece in written(head, parts):
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(connection, rest) :]


def _decode_samples() -> None:
    """Decode a sample of each format: what a library imports or looks up at its first use, no child can."""
    sample = Image.linear_gradient("L").resize((8, 8)).convert("RGB")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decode = partial(decode_picture, max_pixels=64)
    for format_ in ("JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP"):
        stream = BytesIO()
        sample.save(stream, format_, icc_profile=profile)
        TakeFingerprints(thumbnail=True).make(stream.getvalue(), decode)
    # The last one is a thumbnail.
    for order in (MakeThumbnail(), CheckThumbnail(), Show(4), CutOut((0, 0, 0.5, 0.5)), Shrink()):
        order.make(stream.getvalue(), decode)
