/* Kind "validator/1": says whether bytes, a stored object or a package may be used. It changes nothing. */
#ifndef PMX_VALIDATOR_H
#define PMX_VALIDATOR_H

#include "pmx/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PMX_KIND_VALIDATOR "validator/1"

/* An archive as it came from the fetcher, before anything of it is unpacked. */
typedef struct pmx_archive {
    uint32_t size;
    uint32_t reserved;
    pmx_str id;        /* package id, for messages */
    pmx_str bytes;
    pmx_str integrity; /* what the lockfile promises: SRI text, possibly several hashes; empty when it promises none */
    pmx_str url;
} pmx_archive;

/* One file of a stored object as its index remembers it. `name` is NUL-terminated. */
typedef struct pmx_row {
    pmx_str name;      /* in the object's directory */
    pmx_str path;      /* in the package */
    uint64_t bytes, inode;
    int64_t mtime_ns;
    uint32_t mode;     /* permission bits */
    uint32_t digest_length; /* 0: the index holds no digest */
    const uint8_t *digest;  /* SHA-256 */
} pmx_row;

typedef struct pmx_object {
    uint32_t size;
    uint32_t row_size; /* stride of `rows` */
    int32_t fd;        /* the object's directory, open for the length of the call */
    int32_t level;     /* pmx_level */
    pmx_str id;
    const pmx_row *rows;
    size_t row_count;
} pmx_object;

typedef enum pmx_level { PMX_LEVEL_NONE = 0, PMX_LEVEL_STAT = 1, PMX_LEVEL_CONTENT = 2 } pmx_level;

/* A package's own manifest, before it is linked. */
typedef struct pmx_manifest {
    uint32_t size;
    uint32_t reserved;
    pmx_str id, name, version;
    pmx_str json; /* package.json as it is */
} pmx_manifest;

/* Any function may be NULL: the validator has no opinion there. Verdicts: PMX_OK, PMX_MISMATCH (an object: it is
 * repaired; an archive or manifest: the install stops), or an error. All [worker]. */
typedef struct pmx_validator {
    uint32_t size;
    uint32_t reserved;
    pmx_status (*check_archive)(void *self, const pmx_op *op, const pmx_archive *archive);
    /* *bad is set to the number of the first row that does not hold, for the message. */
    pmx_status (*check_object)(void *self, const pmx_op *op, const pmx_object *object, size_t *bad);
    pmx_status (*check_manifest)(void *self, const pmx_op *op, const pmx_manifest *manifest);
} pmx_validator;

#ifdef __cplusplus
}
#endif
#endif
