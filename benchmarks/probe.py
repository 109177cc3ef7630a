"""The measured process: import a handler, send it one turn, then more turns, and write the figures.

    python -S -P probe.py < job > /dev/null

The path has only what the contender would have on Lambda. The probe imports only modules that are
built into the interpreter, so that the handler pays for every other import.
"""

import marshal
import sys
import time


class Context:
    """The members of Lambda's context that contenders use."""

    function_name = "benchmark"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:benchmark"

    def __init__(self, number):
        self.aws_request_id = f"00000000-0000-4000-8000-{number:012d}"

    def get_remaining_time_in_millis(self):
        return 10_000


def peak_kb():
    """Return the peak memory of this process.

    `ru_maxrss` would include the process that started this one.
    """
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main():
    job = marshal.load(sys.stdin.buffer)
    envelopes = job["envelopes"]
    modules_before = len(sys.modules)

    begun, cpu_begun = time.perf_counter_ns(), time.process_time_ns()
    module, _, attribute = job["handler"].rpartition(".")
    handler = getattr(__import__(module, fromlist=["_"]), attribute)
    imported, cpu_imported = time.perf_counter_ns(), time.process_time_ns()
    answers = [handler(envelopes[0], Context(0))]
    answered, cpu_answered = time.perf_counter_ns(), time.process_time_ns()

    figures = {
        "import_ns": imported - begun,
        "import_cpu_ns": cpu_imported - cpu_begun,
        "cold_ns": answered - begun,
        "cold_cpu_ns": cpu_answered - cpu_begun,
        "modules": len(sys.modules) - modules_before,
    }
    laps = []
    cpu_begun = time.process_time_ns()
    for number, envelope in enumerate(envelopes[1:], start=1):
        begun = time.perf_counter_ns()
        answers.append(handler(envelope, Context(number)))
        laps.append(time.perf_counter_ns() - begun)
    figures["warm_cpu_ns"] = (time.process_time_ns() - cpu_begun) // max(1, len(laps))
    figures["warm_ns"] = laps
    figures["peak_kb"] = peak_kb()
    figures["answers"] = [answer["body"] for answer in answers]
    with open(job["result"], "wb") as result:
        marshal.dump(figures, result)


main()
