"""Which part of the program a function belongs to, by its symbol; and for whom the common parts work."""

import re
import subprocess
from collections import Counter, defaultdict

from callgrind import Costs, Function

# Common parts: whoever calls them causes their cost. The first pattern that fits the symbol counts; the last two fit
# whatever comes from a library of that name.
_COMMON = [(name, re.compile(pattern)) for name, pattern in [
    ("exclusivity checks", r"swift_(begin|end)Access|.*AccessSet|.*SwiftTLSContext|__tls_get_addr"),
    ("reference counting", r"_?swift_(\w*([Rr]etain|[Rr]elease)|isUnique|weak|unowned|isEscaping)|.*RefCounts"),
    ("objects made and unmade", r"_?swift_(alloc|dealloc|slow(A|Dea)lloc|init\w*Object|arrayDestroy)"),
    ("malloc and free", r"_{0,2}(libc_)?(malloc|free|calloc|realloc|\w*memalign|aligned_alloc)|_int_|unlink_chunk"),
    ("memory copied and compared", r"_{0,2}(mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr|nlen))"),
    ("tasks", r"_?swift_(task|job|async|continuation)|\$sSc|_?dispatch_"),
    ("casts, metadata, witnesses", r"_{0,2}swift_|_Z\w*(swift|[Tt]uple_|tryCast|getCache)"),
    ("Swift's standard library", r"\$s(s|S|[^\d])|libswift"),
    ("libc: the rest", r"lib(c|m|pthread)\.|ld-linux|linux-vdso"),
]]

_PARTS = {
    "Apus": ("Accounts", "App", "CAssets", "CPostgres", "CProcess", "Gateway", "Kernel", "Store", "Web", "Wire"),
    "NIO: HTTP/1": ("NIOHTTP1", "CNIOLLHTTP"),
    "NIO: channels and loops": ("NIOCore", "NIOPosix", "NIOConcurrencyHelpers", "DequeModule", "Atomics",
                                "_NIODataStructures", "CNIOLinux", "CNIOPosix"),
    "cryptography": ("Crypto", "CCryptoBoringSSL", "CryptoBoringWrapper"),
}
_PART_OF = {module: part for part, modules in _PARTS.items() for module in modules}
_C_SYMBOLS = [
    (re.compile(r"c_nio_llhttp"), "CNIOLLHTTP"),
    (re.compile(r"CNIO|c_nio_"), "CNIOPosix"),
    (re.compile(r"CCryptoBoringSSL|_ZL\d+sha256"), "CCryptoBoringSSL"),
]
# Calls among common functions are some ten deep; what goes round in circles for longer is left where it is.
_LONGEST_WAY = 40
_IDENTIFIER = re.compile(r"(\d+)(\w+)")
# The mangling of a standard library's type, which an extension starts with: $sSS is String, $sST is Sequence, …
_EXTENSION = re.compile(r"\$sS[A-Za-z](?=\d)")


def part(function: Function) -> str:
    """The row of the report that a function's own cost goes into."""
    module = _module(function[1])
    if not module:
        return _common(function) or "everything else"
    if _PART_OF.get(module) == "Apus":
        return f"Apus: {module}"
    return _PART_OF.get(module, "everything else")


def with_callers(costs: Costs) -> Counter[Function]:
    """The same instructions, those of the common parts counted with the functions that called them: shared out by what
    each call led to, up through the common functions that call each other."""
    callers: dict[Function, Counter[Function]] = defaultdict(Counter)
    for (caller, callee), cost in costs.calls.items():
        if caller != callee and cost > 0:
            callers[callee][caller] += cost
    settled: Counter[Function] = Counter()
    pending = Counter(costs.own)
    for _ in range(_LONGEST_WAY):
        passed: Counter[Function] = Counter()
        for function, cost in pending.items():
            above = callers.get(function)
            if _module(function[1]) or not above:
                settled[function] += cost
                continue
            whole = sum(above.values())
            for caller, share in above.items():
                passed[caller] += cost * share / whole
        pending = passed
    settled.update(pending)
    return settled


def demangled(names: list[str]) -> list[str]:
    """As one reads them; the names as they are where Swift is missing."""
    try:
        told = subprocess.run(["swift", "demangle", "-compact", "-simplified"], input="\n".join(names),
                              capture_output=True, text=True, check=True).stdout.splitlines()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return names
    return told if len(told) == len(names) else names


def _common(function: Function) -> str | None:
    library, name = function
    return next((part for part, pattern in _COMMON if pattern.match(name) or pattern.match(library)), None)


def _module(name: str) -> str | None:
    """The module that a symbol names first, or that extends a type of the standard library; none in common parts."""
    for pattern, module in _C_SYMBOLS:
        if pattern.match(name):
            return module
    start = _EXTENSION.match(name)
    found = _IDENTIFIER.match(name, start.end() if start else 2) if name.startswith("$s") else None
    if not found:
        return None
    module = found[2][:int(found[1])]
    return module if not start or module in _PART_OF else None
