"""A plan as a picture of the tree that it makes: text, or an SVG of that text."""

from xml.sax.saxutils import escape


def tree_lines(plan, limit):
    """node_modules as `tree` would show it: places with their package, links with their target."""
    top = {}
    left = 0
    for step in plan:
        if step.kind in ("bin", "hoisted"):
            continue
        parts = ([] if step.root == "project" else ["<shared>"]) + step.path.split("/")
        node = top
        for part in parts:
            node = node.setdefault(part, {})
        node[None] = " = " + step.package.id if step.kind == "place" else " -> " + step.target
    lines = ["."]

    def walk(node, indent):
        nonlocal left
        names = sorted(name for name in node if name is not None)
        for at, name in enumerate(names):
            last = at == len(names) - 1
            label = name
            child = node[name]
            while len(child) == 1 and None not in child:  # a/b/c on one line
                (only,) = child
                label, child = label + "/" + only, child[only]
            if len(lines) < limit:
                lines.append(indent + ("└─ " if last else "├─ ") + label + child.get(None, ""))
            else:
                left += 1
            walk(child, indent + ("   " if last else "│  "))

    walk(top, "")
    if left:
        lines.append("… and %d more" % left)
    return lines


def svg_of(lines):
    width = 20 + 8 * max(map(len, lines))
    rows = "\n".join('<text x="10" y="%d">%s</text>' % (20 + 18 * at, escape(line).replace("  ", "\u00a0\u00a0")) for at, line in enumerate(lines))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="monospace" font-size="13">\n'
            '<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>\n') % (width, 18 * len(lines) + 20, rows)
