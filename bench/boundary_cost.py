"""What the plugin boundary costs a whole install: plugins loaded from their files beside the same plugins linked in.

    ./dev build static && ./dev bench --boundary --project next-antd-app --pairs 30
    cmake --build build/release --target bench_boundary && build/release/bin/bench_boundary      one call

Two commands of one source, the presets `release` and `static`, in the warm state (p4): the difference is loading the
libraries and calling through their tables. The limit is 1 %."""

import os

from pmx.lab import Cell, Study, registry
from pmx.lab.study import scratch

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 1.01


def run(args, out, work, wanted):
    static = os.environ.get("PMX_STATIC_BIN") or os.path.join(ROOT, "build", "static", "bin", "pmx")
    if not os.path.isfile(static):
        raise RuntimeError("no command with plugins linked in at %s: ./dev build static, or set PMX_STATIC_BIN" % static)
    lines = ["| project | layout | loaded / linked in | pairs | limit | verdict |", "|---|---|---|---|---|---|"]
    for project in wanted:
        for layout in ("isolated", "hoisted"):
            with scratch(work) as root:
                cells = [Cell("pmx", binary=static, linker=layout, check="stat", label="linked in"),
                         Cell("pmx", binary=registry.pmx_binary(), linker=layout, check="stat", label="loaded")]
                study = Study(project, cells, state="p4", registry=args.mirror, blocks=args.pairs, seed=args.seed, work=root, null=None,
                              name="boundary %s %s" % (os.path.basename(project), layout))
                study.run(os.path.join(out, "records.jsonl"), resume=True, budget=args.budget, precision=args.precision, progress=print)
            figure = study.compare().rows[0].figure
            lines.append("| %s | %s | %.3f [%.3f, %.3f] | %d | %.2f | %s |" % (
                os.path.basename(project), layout, figure.ratio, figure.low, figure.high, figure.pairs, LIMIT, figure.against(LIMIT)))
    text = "\n".join(lines) + "\n"
    with open(os.path.join(out, "boundary.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text)
    print("written to %s" % out)
