// Platform: does a package run here? os, cpu and libc lists and engine ranges, as npm and pnpm read them.
// Asked by the plan stage for optional packages (skip) and required ones (warn or fail). The host is found
// out once, without running a program. [any thread]
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.hpp"

namespace pmx {

// In Node's words: os "linux", "darwin"; cpu "x64", "arm64"; libc "glibc", "musl", "" when unknown.
struct Platform {
    std::string os, cpu, libc;
};
Platform host_platform();
// The libc that the running system's dynamic loader belongs to: the loader of this program, then files of
// /lib.
std::string detect_libc();

// What the user wants installed for (pnpm's supportedArchitectures); "current" stands for the host's own
// value. An empty list means the host's.
struct SupportedPlatforms {
    std::vector<std::string> os, cpu, libc;
};
SupportedPlatforms resolve_supported(const SupportedPlatforms& wanted, const Platform& host);

// npm and pnpm differ where the libc is unknown: npm refuses a package that names one, pnpm ignores the list.
enum class PlatformRule { pnpm, npm };

using TextList = std::span<const std::string_view>;

// One list against the values that would do: "any" alone passes, "!x" refuses, a list of refusals passes what
// it does not name, an empty list passes.
bool list_accepts(TextList list, std::span<const std::string> values);

// `supported` as resolve_supported gives it.
bool runs_on(TextList os, TextList cpu, TextList libc, const SupportedPlatforms& supported,
             PlatformRule rule = PlatformRule::pnpm);
bool runs_on(const Manifest& manifest, const SupportedPlatforms& supported,
             PlatformRule rule = PlatformRule::pnpm);

// os, cpu and libc that an *optional* package's name tells where its manifest says nothing
// ("@esbuild/linux-x64", "foo-win32-arm64-msvc"); fields that are declared stay. Nothing is told without a
// word for the os, unless a field is declared.
void infer_platform(std::string_view name, std::vector<std::string>& os, std::vector<std::string>& cpu,
                    std::vector<std::string>& libc);

// Names of the engines in `current` (name → exact version) that `wanted` excludes. Prereleases of an engine
// count as any other version; a range that cannot be read excludes everything, an empty one nothing.
std::vector<std::string> unsupported_engines(const TextMap& wanted, const TextMap& current);

}  // namespace pmx
