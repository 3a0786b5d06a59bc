/* Does something while it is loaded, as a definition asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pmx/abi.h>

__attribute__((constructor)) static void run(void) {
    const char *what = WHAT;
    if (what[0] == 'c') abort();
    if (what[0] == 'e') exit(0);
    if (what[0] == 'h')
        for (;;) pause();
}

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return NULL; }
