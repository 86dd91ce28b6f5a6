"""Runs a command and records wall time, CPU time and peak memory of it and its descendants.

    python3 measure.py RESULT.json LIMIT_SECONDS COMMAND...

At the time limit, the whole process group is killed.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time


def main() -> None:
    result_path, limit_seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    # The command runs in its own process group, so that all of it can be killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    child = subprocess.Popen(command, start_new_session=True)
    timed_out = False
    try:
        exit_code = child.wait(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(child.pid, signal.SIGKILL)
        exit_code = child.wait()
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    wall_seconds = time.monotonic() - started
    # CPU time is the sum over all descendants; memory is that of the largest.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    with open(result_path, "w", encoding="utf-8") as result:
        json.dump(
            {
                "exitCode": exit_code,
                "timedOut": timed_out,
                "wallSeconds": wall_seconds,
                "cpuSeconds": usage.ru_utime + usage.ru_stime,
                "peakMb": usage.ru_maxrss * unit / 2**20,
            },
            result,
        )


main()
