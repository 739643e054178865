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


def main(way: str) -> None:
    pool = ProcessPool(size=2, spares=0)
    said = threading.Event()

    def ask(name: str, emit=None):
        call = FunctionCall(name=name)
        return pool.invoke(call, CallContext(emit=emit), target=Target(f"{HERE}:{name}"))

    def begun(pid: int) -> None:
        print(pid, flush=True)
        said.set()

    threading.Thread(target=ask, args=("loop", begun), daemon=True).start()
    said.wait(20)
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
