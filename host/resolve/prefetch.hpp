// Prefetch: asks for packuments ahead of the walk. Where one arrives, the version that is most likely meant is picked and
// the packuments of its dependencies are asked for, on the thread that brought the answer. A guess only: the walk picks
// for itself, in its own order, and finds here what was parsed already. Nothing is asked for twice. [any thread]
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.hpp"
#include "base/result.hpp"
#include "model/specifier.hpp"
#include "registry/packument.hpp"
#include "registry/packuments.hpp"
#include "resolve/hooks.hpp"
#include "resolve/pick.hpp"
#include "resolve/policy.hpp"
#include "resolve/tree_record.hpp"

namespace pmx {

// One version as the tree needs it, hooks applied. Made once, whoever asks first.
struct PackageFacts {
    VersionManifest version;
    std::vector<PackageWant> wants;  // views into `version`
};

class Prefetch {
  public:
    struct Slot;  // one name of one registry

    // `answered`: no packument is needed for this one, as the lockfile has it. Called from any thread.
    using Answered = std::function<bool(const Specifier&)>;
    Prefetch(Packuments& packuments, const Policy& policy, const Hooks* hooks, const CancelFlag* cancel, Answered answered);
    // Waits for callbacks that run; those that come later do nothing.
    ~Prefetch();
    Prefetch(const Prefetch&) = delete;

    // parse_specifier, once for each pair of texts. Valid as long as this is.
    const Result<Specifier>& specifier(std::string_view alias, std::string_view text);
    const Specifier& keep(Specifier specifier);
    // Never waits. `specifier` is one of the registry's kinds, and from one of the two functions above.
    void want(const Specifier& specifier);
    // Waits for the packument.
    Result<Slot*> get(const Specifier& specifier);

    static const Packument& packument(const Slot& slot);
    // Index into versions(). `preferred` as PickRequest has it; a pick without preferences is remembered.
    Result<std::size_t> pick(Slot& slot, const PickRequest& request);
    Result<const PackageFacts*> facts(Slot& slot, std::size_t version);
    // How many names were asked for.
    std::size_t asked() const;
    RangeCache& ranges();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace pmx
