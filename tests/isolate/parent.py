"""A program with a pool: prints its workers' ids, and then ends in the way it is told."""

from __future__ import annotations

import os
import sys
import threading
import time

from altar.adm import FunctionCall
from altar.isolate import ProcessPool, Target
from altar.runtime import CallContext

HERE = "tests.isolate.tools_here"


def count() -> None:
    """Open files before a pool, with it, and after it."""

    def say() -> None:
        print(len(os.listdir("/proc/self/fd")), flush=True)

    gone = ProcessPool(size=1, spares=0)  # what a first pool opens for good, none must
    gone.close()
    say()
    with ProcessPool(size=1, spares=0) as pool:
        call = FunctionCall(name="add", args={"a": 1})
        assert pool.invoke(call, CallContext(), target=Target(f"{HERE}:add")).content == 2
        say()
    say()


def main(way: str) -> None:
    if way == "count":
        count()
        return
    pool = ProcessPool(size=2, spares=0)
    said = threading.Event()

    def ask(name: str, emit=None):
        call = FunctionCall(name=name)
        return pool.invoke(call, CallContext(emit=emit), target=Target(f"{HERE}:{name}"))

    def begun(pid: int) -> None:
        print(pid, flush=True)
        said.set()

    threading.Thread(target=ask, args=("loop", begun), daemon=True).start()
    said.wait(60)
    print(ask("where").content, flush=True)
    print("ready", flush=True)
    if way == "fork":
        pid = os.fork()
        if pid == 0:
            print(ask("where").content, flush=True)
            pool.close()
            os._exit(0)
        os.waitpid(pid, 0)
        print(ask("where").content, flush=True)
    elif way == "wait":
        while True:
            time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
