/* A library, and no plugin. Nothing of it may run. */
#include <stdlib.h>

#include <pmx/abi.h>

__attribute__((constructor)) static void run(void) { abort(); }

PMX_EXPORT int some_function(void) { return 1; }
