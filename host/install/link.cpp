#include "install/link.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/stat.h>

#include "base/text.hpp"

namespace pmx {

LinkStage::LinkStage(Run& run, std::unique_ptr<ImporterChain> chain) : run_(run), chain_(std::move(chain)) {}

std::size_t LinkStage::first_choice(std::uint64_t from, std::uint64_t to, bool private_copy) {
    std::lock_guard lock(mutex_);
    auto found = works_.find({from, to, private_copy});
    return found == works_.end() ? 0 : found->second;
}

void LinkStage::remember(std::uint64_t from, std::uint64_t to, bool private_copy, std::size_t works) {
    std::lock_guard lock(mutex_);
    std::size_t& known = works_[{from, to, private_copy}];
    if (works > known) known = works;
}

Result<std::string_view> LinkStage::link(const ObjectView& object, int target, std::uint64_t target_device, bool private_copy,
                                         std::string_view subject) {
    for (std::string_view dir : object.dirs) {
        count(Sys::mkdir);
        if (::mkdirat(target, dir.data(), 0777) != 0 && errno != EEXIST)
            return fail_errno(errno, "cannot make the directory", std::string(subject) + "/" + std::string(dir));
    }
    run_.metrics.dirs_made += object.dirs.size();

    // In batches: memory that the largest package would ask for costs more to get than the calls.
    std::array<pmx_file, 256> batch;
    pmx_import job{};
    job.size = sizeof job;
    job.file_size = sizeof(pmx_file);
    job.source_fd = object.dir.raw();
    job.target_fd = target;
    job.flags = private_copy ? PMX_IMPORT_PRIVATE : 0;
    job.source_device = object.device;
    job.target_device = target_device;
    std::size_t made = 0;
    auto next_batch = [&] {
        job.file_count = std::min(batch.size(), object.files.size() - made);
        for (std::size_t i = 0; i < job.file_count; ++i) {
            const ObjectFile& file = object.files[made + i];
            batch[i] = {{file.source.data(), file.source.size()}, {file.path.data(), file.path.size()}, file.size, file.mode, 0};
        }
    };
    job.files = batch.data();
    for (std::size_t choice = first_choice(object.device, target_device, private_copy); choice < chain_->size(); ++choice) {
        PMX_TRY(const Importer* importer, chain_->at(choice));
        const std::size_t before = made;
        pmx_status status = PMX_OK;
        do {
            next_batch();
            std::size_t done = 0;
            auto called = importer->import(job, done);
            if (!called) return tl::make_unexpected(std::move(called).error().during("cannot link " + std::string(subject)));
            made += done;
            status = *called;
        } while (status == PMX_OK && made < object.files.size());
        if (status == PMX_OK) {
            if (!(announced_.fetch_or(1u << choice) & (1u << choice))) run_.events.import_method(importer->info().name);
            return importer->info().name;
        }
        if (made == before) remember(object.device, target_device, private_copy, choice + 1);
    }
    return fail(Code::IO, "no importer can put these files here", std::string(subject),
                "the store and the project may be on file systems that share nothing; try --import copy");
}

Result<std::unique_ptr<ImporterChain>> ImporterChain::open(Run& run) {
    std::vector<std::string> names{std::string(run.settings.text("import"))};
    if (names.front() == "auto") names = {"hardlink", "reflink", "copy"};
    else if (names.front() != "copy") names.push_back("copy");
    std::unique_ptr<ImporterChain> chain(new ImporterChain(run, std::move(names)));
    PMX_TRY([[maybe_unused]] const Importer* first, chain->at(0));
    return chain;
}

Result<const Importer*> ImporterChain::at(std::size_t choice) {
    std::lock_guard lock(mutex_);
    std::optional<Importer>& importer = loaded_[choice];
    if (!importer) {
        PMX_TRY(importer, run_.plugins.importer(names_[choice], option_values(run_.settings)));
    }
    return &*importer;
}

}  // namespace pmx
