/* Built for a version of the interface that nobody has yet. Nothing of it may run. */
#include <stdlib.h>

#include <pmx/abi.h>

__attribute__((constructor)) static void run(void) { abort(); }

PMX_EXPORT const void *pmx_plugin_entry_v7(void) { abort(); }
