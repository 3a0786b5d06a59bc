/* Kind "validator/1": says whether bytes, a stored object or a package may be used. It changes nothing. */
#ifndef PMX_VALIDATOR_H
#define PMX_VALIDATOR_H

#include "pmx/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PMX_KIND_VALIDATOR "validator/1"

/* An archive as it came from the fetcher, before anything of it can be seen in the store. */
typedef struct pmx_archive {
    uint32_t size;
    uint32_t reserved;
    pmx_str id;        /* package id, for messages */
    pmx_str bytes;
    pmx_str integrity; /* what the lockfile promises: SRI text, possibly several hashes; empty when it promises none */
    pmx_str url;
    pmx_str name, version; /* of the package; since 1.1: see PMX_HAS */
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
    pmx_str integrity; /* what the lockfile promises of its archive; may be empty; since 1.1: see PMX_HAS */
} pmx_manifest;

/* The check of one archive that is still arriving. The validator fills it in; calls come one after another, from any
 * thread. Since 1.2. */
typedef struct pmx_archive_check {
    uint32_t size;
    uint32_t reserved;
    void *self;
    /* The next bytes, in order. Anything but PMX_OK is the verdict already; end() is called nevertheless. */
    pmx_status (*add)(void *self, const pmx_op *op, pmx_str piece);
    /* Exactly once, last; `self` is gone when it returns. The verdict, where `whole` is not 0; otherwise the archive was
     * given up (cut off, cancelled, asked for again) and nobody listens. */
    pmx_status (*end)(void *self, const pmx_op *op, int32_t whole);
} pmx_archive_check;

/* Any function may be NULL: the validator has no opinion there. Verdicts: PMX_OK, PMX_MISMATCH (an object: it is
 * repaired; an archive or manifest: the install stops), or an error. All [worker]. */
typedef struct pmx_validator {
    uint32_t size;
    uint32_t reserved;
    pmx_status (*check_archive)(void *self, const pmx_op *op, const pmx_archive *archive);
    /* *bad is set to the number of the first row that does not hold, for the message. */
    pmx_status (*check_object)(void *self, const pmx_op *op, const pmx_object *object, size_t *bad);
    pmx_status (*check_manifest)(void *self, const pmx_op *op, const pmx_manifest *manifest);
    /* Since 1.2: see PMX_HAS. check_archive() in pieces, for a large archive that is unpacked while it arrives: `archive`
     * has no bytes yet, and is borrowed for this call only. Its verdict is waited for before anything of the archive can
     * be seen in the store. NULL beside a check_archive(): such archives are held until they are whole. */
    pmx_status (*begin_archive)(void *self, const pmx_op *op, const pmx_archive *archive, pmx_archive_check *check);
} pmx_validator;

#ifdef __cplusplus
}
#endif
#endif
