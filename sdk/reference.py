#!/usr/bin/python3
"""Makes docs/plugins/reference.md from the headers of the plugin interface: each comment as text, what it is about as code.
    sdk/reference.py            writes it
    sdk/reference.py --check    says whether it is what the headers say (a test does)"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADERS = ["abi.h", "services.h", "layout.h", "importer.h", "fetcher.h", "validator.h"]
PAGE = os.path.join(ROOT, "docs", "plugins", "reference.md")


def prose(comment):
    lines = [re.sub(r"^ \*( |$)", "", line) for line in comment.strip()[2:-2].splitlines()]
    return "\n".join(line.strip() if line.strip().startswith("- ") else line.rstrip() for line in lines).strip()


def chunks(text):
    """The declarations, each with the comment above it: (comment or None, code)."""
    body = text.split('extern "C" {\n#endif\n', 1)[1].rsplit("#ifdef __cplusplus", 1)[0]
    rows, comment, code, depth, commented = [], None, [], 0, False
    for line in body.splitlines():
        if not code and not depth and (line.startswith("/*") or commented):
            comment = (comment + "\n" if commented else "") + line if commented or comment is None else comment + "\n" + line
            commented = "*/" not in line
            continue
        if not line.strip() and depth == 0:
            if code:
                rows.append((comment, "\n".join(code)))
            elif comment:
                rows.append((comment, ""))
            comment, code = None, []
            continue
        depth += line.count("{") - line.count("}")
        code.append(line)
    if code or comment:
        rows.append((comment, "\n".join(code)))
    return rows


def page():
    out = ["# The interface", "", "Made from `sdk/include/pmx/*.h` by `sdk/reference.py`; the headers are the contract.", ""]
    for name in HEADERS:
        with open(os.path.join(ROOT, "sdk", "include", "pmx", name)) as f:
            text = f.read()
        intro = prose(text[:text.index("*/") + 2])
        out += ["## pmx/" + name, "", intro, ""]
        for comment, code in chunks(text):
            titles = re.findall(r"^typedef (?:struct|enum) (\w+) \{", code, re.M)
            if titles:
                out += ["### " + ", ".join(titles), ""]
            if comment:
                # A comment that ends on the line of a #define stays with the code.
                out += [prose(comment), ""]
            if code:
                out += ["```c sdk/include/pmx/" + name, code, "```", ""]
    return "\n".join(out).rstrip() + "\n"


def main():
    text = page()
    if "--check" in sys.argv[1:]:
        with open(PAGE) as f:
            if f.read() != text:
                sys.exit("docs/plugins/reference.md is not what the headers say: run sdk/reference.py")
        return
    with open(PAGE, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
