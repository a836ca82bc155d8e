#!/usr/bin/env python3
"""House rules that neither the compiler nor the formatter knows; prints every breach and ends with 1 if there is one."""

import pathlib
import re
import subprocess
import sys

MAX_LINES = 400
MAX_UNCHECKED = 10
KINDS = {".swift", ".lua", ".sql", ".py", ".sh", ".js", ".css", ".html"}
UNCHECKED_IN = {"Reactor", "Redis", "Postgres", "Service"}

FORBIDDEN = [
    # pattern, where it is allowed, what to do instead
    (r"\bTask(\.(detached|immediate\w*))?(\(priority: [^)]*\))? *\{", "Tests/", "bare Task: use loop.spawn, or a task group"),
    (r"\bnonisolated\(unsafe\)", None, "nonisolated(unsafe): use a Mutex, an Atomic or an actor"),
    (r"\btry!", "Tests/", "try!: throw, or handle it"),
]

MODIFIERS = r"(?:(?:final|static|class|mutating|nonmutating|consuming|borrowing|nonisolated|override|convenience|indirect|lazy|weak|unowned|required)\s+|private\(set\)\s+|fileprivate\(set\)\s+|nonisolated\([^)]*\)\s+)*"
PACKAGE = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*" + MODIFIERS + r"package\s+" + MODIFIERS
    + r"(?P<kind>struct|class|enum|actor|protocol|func|var|let|init|typealias|subscript|macro)\b\s*(?P<name>[<=>]+|[^\s(:<{]*)"
)
# A property or initializer says with its name, labels and types what it is, and its type has a comment; where that is not
# enough, the one who reviews will notice. Everything else must have a comment of its own.
SPEAK_FOR_THEMSELVES = {"let", "var", "init"}
# Members whose meaning a protocol of the standard library gives.
GIVEN_BY_PROTOCOL = {
    "==", "<", "hash", "description", "debugDescription", "testDescription", "errorDescription", "encode", "next",
    "unownedExecutor", "enqueue", "checkIsolated", "isIsolatingCurrentContext", "asUnownedSerialExecutor",
    "startIndex", "endIndex", "index", "makeIterator", "makeAsyncIterator", "id", "rawValue", "allCases",
    "advanced", "duration", "minimumResolution", "sleep", "isSameExclusiveExecutionContext",
}

breaches = []


def breach(path, number, text):
    breaches.append(f"{path}:{number}: {text}")


def code_of(line):
    """The line without what follows `//`; strings with slashes lose their end, which none of the rules minds."""
    return line.split("//")[0]


def is_documented(lines, index):
    """A comment above, or a run of declarations without an empty line that begins with a documented one."""
    index -= 1
    while index >= 0:
        line = lines[index].strip()
        if line.startswith("///"):
            return True
        if not (line.startswith(("@", "//")) or PACKAGE.match(lines[index]) and not line.endswith("{")):
            return False
        index -= 1
    return False


def requirements(files):
    """The members that each of our protocols asks for, by the protocol's name; their comments stand there."""
    found = {}
    for lines in files.values():
        text = "\n".join(code_of(line) for line in lines)
        for match in re.finditer(r"^package protocol (\w+)[^{]*\{(.*?)^\}", text, re.MULTILINE | re.DOTALL):
            found[match[1]] = set(re.findall(r"\b(?:func|var|subscript)\s+(\w+)", match[2]))
    return found


def given_by_own_protocols(lines, protocols):
    """What the protocols named in this file's inheritance clauses ask for."""
    names = set()
    for line in lines:
        clause = re.match(r".*\b(?:struct|class|enum|actor|extension)\s+[\w.]+(?:<[^>]*>)?\s*:\s*([^{]*)", code_of(line))
        for name in re.findall(r"\w+", clause[1]) if clause else []:
            names |= protocols.get(name, set())
    return names


def check_swift(path, lines, protocols):
    name = str(path)
    unchecked = 0
    given = GIVEN_BY_PROTOCOL | given_by_own_protocols(lines, protocols)
    for index, line in enumerate(lines):
        code = code_of(line)
        for pattern, allowed, advice in FORBIDDEN:
            if re.search(pattern, code) and not (allowed and name.startswith(allowed)):
                breach(path, index + 1, advice)
        if "@unchecked Sendable" in code:
            unchecked += 1
            if path.parts[0] != "Sources" or path.parts[1] not in UNCHECKED_IN:
                breach(path, index + 1, f"@unchecked Sendable outside {', '.join(sorted(UNCHECKED_IN))}")
            if not any("// Safety:" in above for above in lines[max(0, index - 8) : index]):
                breach(path, index + 1, "@unchecked Sendable without a `// Safety:` comment above")
        declared = PACKAGE.match(line) if name.startswith("Sources/") else None
        if declared and declared["kind"] not in SPEAK_FOR_THEMSELVES and declared["name"] not in given and not is_documented(lines, index):
            breach(path, index + 1, f"undocumented: package {declared['kind']} {declared['name']}".rstrip())
    return unchecked


def main():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True, text=True
    ).stdout
    paths = sorted(pathlib.Path(name) for name in set(listed.split("\0")) if name)
    files = {path: path.read_text(encoding="utf-8").splitlines() for path in paths if path.suffix in KINDS and path.is_file()}
    protocols = requirements({path: lines for path, lines in files.items() if path.suffix == ".swift"})
    unchecked = 0
    for path, lines in files.items():
        is_assembled = path == pathlib.Path("redis-scripts/weir.lua")
        if len(lines) > MAX_LINES and not is_assembled:
            breach(path, len(lines), f"{len(lines)} lines: split it (at most {MAX_LINES})")
        if path.suffix == ".swift":
            unchecked += check_swift(path, lines, protocols)
    if unchecked > MAX_UNCHECKED:
        breach("Sources", 0, f"{unchecked} times @unchecked Sendable (at most {MAX_UNCHECKED})")
    print("\n".join(breaches) or f"rules: kept ({unchecked} times @unchecked Sendable)")
    return 1 if breaches else 0


sys.exit(main())
