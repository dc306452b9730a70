"""What the subcommands' command lines have in common, and where their reports go."""

import argparse
import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import contenders
import peers
import report
from failure import BenchFailure

CONTENDERS = [contender.name for contender in contenders.field()]
PEERS = [peer.name for peer in peers.field()]


def add_entrants(parser: argparse.ArgumentParser) -> None:
    """`--peers` and `--only`: who is measured."""
    parser.add_argument("--peers", action="store_true", help=f"measure peers, too: {','.join(PEERS)}")
    parser.add_argument("--only", type=names, metavar="NAME,…",
                        help=f"contenders and peers to measure (default: {','.join(CONTENDERS)})")


def entrants(arguments) -> list:
    """Who was asked for, in the order of a round."""
    wanted = arguments.only or CONTENDERS + (PEERS if arguments.peers else [])
    return [entrant for entrant in contenders.field(arguments.binary) + peers.field() if entrant.name in wanted]


def versions(chosen: list) -> str:
    """Of all of them, each once."""
    return ", ".join(dict.fromkeys(entrant.version() for entrant in chosen))


@contextmanager
def excused(name: str, missing: dict[str, str]):
    """A peer's failure is noted in `missing`, and the run goes on without it; any other failure ends the run."""
    try:
        yield
    except BenchFailure as failure:
        if name not in PEERS:
            raise
        progress(f"from here on without {name}: {failure}")
        missing[name] = str(failure).partition("\n")[0]


def add_common(parser: argparse.ArgumentParser, subject: str) -> None:
    """`--binary`, `--json` and `--write`."""
    parser.add_argument("--binary", type=executable, metavar="PATH",
                        help="the apus to measure (default: a release build, made when needed)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--write", type=lambda path: report.MarkedFile(path, subject), metavar="FILE",
                        help="replace the text between the markers in FILE with the report")


def deliver(arguments, text: str, document: dict) -> None:
    """The report to standard output and wherever else it was wanted; `document` is its JSON."""
    if arguments.write:
        arguments.write.replace(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    print(text)


def progress(line: str) -> None:
    """Standard output is the report's."""
    print(line, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is expected, not {text!r}")
    return int(text)


def numbers(text: str) -> list[int]:
    """Whole numbers from 1, each once, in their order."""
    return sorted({positive(part) for part in text.split(",")})


def executable(text: str) -> Path:
    """A program's whole path."""
    if not shutil.which(Path(text).resolve()):
        raise argparse.ArgumentTypeError(f"not an executable file: {text}")
    return Path(text).resolve()


def names(text: str) -> list[str]:
    """Names of contenders and peers."""
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in CONTENDERS + PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(CONTENDERS + PEERS)}")
    return chosen
