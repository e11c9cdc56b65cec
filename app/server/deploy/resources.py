"""What the service may use: tasks, memory and descriptors, from what its settings allow."""

from typing import NamedTuple

from app.server.limits import CONNECTIONS, THREADS

_PROCESS_MB = 96
"""Of a process that serves nothing: it has 60, most of it shared by the workers."""
_THREAD_MB = 2
"""Its stack, its connection to the store with the pages that are kept, and an answer."""
_CONNECTION_KB = 64
"""A head of 17 KB, held by the kernel, the parser and the application."""
_OTHER_THREADS = 16
"""Of a process: its main one, those of a server written in Rust, a probe, a reader of keys."""
_FILES_OF_A_THREAD = 4
"""Descriptors: SQLite's file, -wal, -shm and one temporary; a database server needs one socket."""
_OTHER_FILES = 128


class Resources(NamedTuple):
    """The limits of a service as a whole, but for the descriptors, which are of one process."""

    tasks: int
    megabytes: int
    descriptors: int


def resources(server: str, workers: int, threads: int | None) -> Resources:
    """Return what a server of so many workers and threads each may use.

    Each process counts twice: a reload starts new ones before it ends the old ones.
    """
    count = threads or THREADS[server]
    connections = CONNECTIONS[server]
    worker_mb = _PROCESS_MB + count * _THREAD_MB + connections * _CONNECTION_KB / 1024
    return Resources(
        tasks=2 * (workers * (count + _OTHER_THREADS) + _OTHER_THREADS),
        megabytes=round(2 * (workers * worker_mb + _PROCESS_MB)),
        descriptors=connections + count * _FILES_OF_A_THREAD + _OTHER_FILES,
    )
