#!/bin/sh
# The way of docs/PLUGINS.md from nothing to a working layout. PREFIX: where pmx and its SDK are installed. PROJECT: a project.
set -eu
PATH=$PREFIX/bin:$PATH

pmx plugin new my-layout --kind layout
cd my-layout
cmake -B build -DCMAKE_PREFIX_PATH="$PREFIX"
cmake --build build

sed -i 's/\.slots/.cellar/' my_layout.cpp
cmake --build build
ctest --test-dir build --output-on-failure

cd "$PROJECT"
pmx install --linker "$OLDPWD/build/my-layout.so"
