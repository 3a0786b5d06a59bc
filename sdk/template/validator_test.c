/* Loads the validator as pmx does and shows it two manifests, with a list that denies one of them. */
#include <pmx/testing.h>
#include <pmx/validator.h>

static pmx_manifest manifest_of(const char *id, const char *name, const char *json) {
    pmx_manifest manifest;
    memset(&manifest, 0, sizeof manifest);
    manifest.size = sizeof manifest;
    manifest.id = pmx_test_str(id);
    manifest.name = pmx_test_str(name);
    manifest.version = pmx_test_str("1.0.0");
    manifest.json = pmx_test_str(json);
    return manifest;
}

int main(int argc, char **argv) {
    pmx_test test;
    pmx_test_open(&test, argc > 1 ? argv[1] : NULL, "deny=left-pad\nright-pad");

    pmx_manifest good = manifest_of("good@1.0.0", "good", "{\"name\":\"good\",\"version\":\"1.0.0\"}");
    pmx_manifest bad = manifest_of("right-pad@1.0.0", "right-pad", "{\"name\":\"right-pad\",\"version\":\"1.0.0\"}");
    const pmx_validator *validator = (const pmx_validator *)test.plugin->functions;
    PMX_EXPECT(validator->check_manifest(test.self, &test.op, &good) == PMX_OK);
    PMX_EXPECT(validator->check_manifest(test.self, &test.op, &bad) == PMX_MISMATCH);
    PMX_EXPECT(strcmp(test.said, "this package is denied: right-pad@1.0.0") == 0);
    return pmx_test_close(&test);
}
