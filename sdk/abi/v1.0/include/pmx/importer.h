/* Kind "importer/1": puts the files of one package into one directory. */
#ifndef PMX_IMPORTER_H
#define PMX_IMPORTER_H

#include "pmx/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PMX_KIND_IMPORTER "importer/1"

/* One regular file. Both names are NUL-terminated inside `data` (length does not count the NUL). */
typedef struct pmx_file {
    pmx_str source; /* relative to pmx_import.source_fd; flat ("17") in the store, a path in a directory dependency */
    pmx_str target; /* relative to pmx_import.target_fd; its directories exist */
    uint64_t bytes;
    uint32_t mode;  /* permission bits the target must have (owner's umask already applied) */
    uint32_t reserved;
} pmx_file;

#define PMX_IMPORT_PRIVATE (1u << 0) /* the target must not share storage that a write could reach: no hardlinks */
#define PMX_IMPORT_REPLACE (1u << 1) /* a file may stand at a target: replace it; otherwise targets do not exist */

typedef struct pmx_import {
    uint32_t size;
    uint32_t file_size; /* stride of `files` */
    int32_t source_fd;  /* directory; open for the length of the call */
    int32_t target_fd;  /* directory */
    const pmx_file *files;
    size_t file_count;
    uint32_t flags;
    uint32_t reserved;
    uint64_t source_device, target_device; /* st_dev of both */
} pmx_import;

typedef struct pmx_importer {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Every file, in order, or an error. PMX_UNSUPPORTED before the first file was made lets the host try the
     * next importer of the chain, and it remembers that for this pair of devices. *done is set to the number of files
     * made, success or not: after PMX_UNSUPPORTED in the middle the next importer continues there. Writes nowhere but
     * below target_fd. */
    pmx_status (*import)(void *self, const pmx_op *op, const pmx_import *job, size_t *done);
} pmx_importer;

#ifdef __cplusplus
}
#endif
#endif
