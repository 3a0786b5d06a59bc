// bench_micro: Google Benchmark's own command line; --help shows it. gates.py reads its JSON.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
