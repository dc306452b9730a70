"""`./bench`: the command line. Each subcommand is a module with `add_parser` and `run`."""

import argparse
import signal
import sys

import gateway
import limits
import profile
import soak
import startup
import streams
from failure import BenchFailure

EXAMPLES = """examples:
  ./bench gateway                             measure, print a Markdown report
  ./bench gateway --seconds 1 --rounds 1      a quick look, under half a minute
  ./bench gateway --write docs/benchmarks.md  measure, replace the report in that file
  ./bench limits                              what keys and limits add, in memory and over Redis
  ./bench streams                             what is added to each chunk of a stream; 2,000 streams at once
  ./bench startup                             from the start to the first answer
  ./bench soak                                a million requests and 100,000 streams: is anything left of them?
"""


def stop_on_signal(number, _frame):
    """Turns SIGTERM and SIGHUP into an exit that unwinds, so that everything started is stopped."""
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./bench",
        description="Measures Apus beside other servers on this machine, over loopback.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subjects = parser.add_subparsers(title="what to measure", metavar="SUBJECT", required=True)
    for subject in (gateway, limits, streams, startup, soak, profile):
        subject.add_parser(subjects)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    try:
        arguments = parser.parse_args()
        return arguments.run(arguments)
    except BenchFailure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 70
    except KeyboardInterrupt:
        print("bench: interrupted; everything it started is stopped", file=sys.stderr)
        return 130


sys.exit(main())
