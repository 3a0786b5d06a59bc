"""The lab: experiments on a package manager whose figures can be believed.

    from pmx import lab
    study = lab.Study("project", lab.grid(linker=["isolated"], caps_link=[1, 2, 4]) + [lab.peer("bun", linker="isolated")],
                      state=lab.WARM_STORE, registry="mirror", blocks=12, seed=7)
    study.run("runs/link.jsonl", resume=True)
    print(study.compare("caps_link", baseline=2))

Every run is a fresh process, its state is proved by what the registry counted, ratios are taken inside a block, and a run
that failed never enters a figure. docs/EXPERIMENTS.md says why each of these is needed. Plots need matplotlib, frames
pandas; nothing else does."""

from . import export, plots, statistics
from .cells import Cell, Unsupported
from .compare import Comparison, UnlikeMachines
from .design import factorial, grid, peer
from .registry import Network, Registry, pmx_binary
from .statistics import Figure
from .study import COLD_START, COLD_STORE, NOTHING_TO_DO, RESOLVE, WARM_STORE, Study
from .tune import RandomSearch, Tuned, tune

__all__ = ["COLD_START", "COLD_STORE", "Cell", "Comparison", "Figure", "NOTHING_TO_DO", "Network", "RESOLVE", "RandomSearch",
           "Registry", "Study", "Tuned", "UnlikeMachines", "Unsupported", "WARM_STORE", "export", "factorial", "grid", "peer",
           "plots", "pmx_binary", "statistics", "tune"]
