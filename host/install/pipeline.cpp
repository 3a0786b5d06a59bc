#include "install/pipeline.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace pmx {
namespace {

// Links that a thread makes in one go.
constexpr std::size_t kLinksAtOnce = 64;

// The part of a shared place's directory that appears at once.
std::string_view slot_of(std::string_view dir) { return dir.substr(0, dir.find("/node_modules/")); }

}  // namespace

Pipeline::Pipeline(Run& run, Store& store, const Graph& graph, const Plan& plan, Tree& tree, std::vector<bool> keep, std::vector<bool> keep_links,
                   std::shared_ptr<StoreSeen> seen, std::vector<Validator> validators, std::unique_ptr<ImporterChain> importers, Ahead* ahead, Until until)
    : run_(run), store_(store), graph_(graph), plan_(plan), tree_(tree), keep_(std::move(keep)), keep_links_(std::move(keep_links)), seen_(std::move(seen)),
      validators_(std::move(validators)), level_(check_level(run.settings)), link_(run, std::move(importers)), ahead_(ahead), until_(until) {
    std::size_t network = cap(run.settings, "network-concurrency");
    std::size_t unpack = cap(run.settings, "unpack-concurrency"), link = cap(run.settings, "link-concurrency");
    // Archives that wait for an unpack thread: enough to keep every thread fed, few enough to bound memory.
    std::size_t bodies = 2 * unpack + 6;
    unpack_pool_ = std::make_unique<Pool>(unpack, network + bodies, &run.metrics.at(Stage::unpack));
    link_pool_ = std::make_unique<Pool>(link, 256, &run.metrics.at(Stage::link));
    arrivals_ = std::make_unique<Arrivals>(run.metrics, run.cancel, std::min(unpack, kArrivals));
    fetch_ = std::make_unique<FetchStage>(
        run, network, bodies,
        [this](std::size_t job, const std::string& url, Result<FetchResponse> response) { arrived(job, url, std::move(response)); },
        [this](std::size_t job, const std::string& url) { return arriving(job, url); });
}

// Every job is finished, but the worker that finished the last one may still be on its way out of the fetch stage.
Pipeline::~Pipeline() {
    arrivals_->drain();
    unpack_pool_->drain();
    link_pool_->drain();
}

std::vector<Pipeline::Job> Pipeline::group() {
    std::vector<Job> jobs;
    std::unordered_map<std::string, std::size_t> by_key;
    std::vector<std::size_t> job_of(graph_.packages.size(), SIZE_MAX);
    for (std::uint32_t number = 0; number < plan_.places.size(); ++number) {
        const Place& place = plan_.places[number];
        const Package& package = graph_.packages[place.package];
        std::size_t& job = job_of[place.package];
        if (job == SIZE_MAX) {
            const std::string& key = seen_->keys[place.package];
            auto [found, fresh] = key.empty() ? std::pair(by_key.end(), true) : by_key.try_emplace(key, jobs.size());
            if (fresh) {
                job = jobs.size();
                jobs.push_back({key, {}, {}, true, false});
            } else {
                job = found->second;
            }
            jobs[job].packages.push_back(place.package);
            jobs[job].optional = jobs[job].optional && package.optional;
        }
        if (keep_[number]) {
            ++run_.metrics.kept;
            if (run_.events.explains())
                run_.events.explain("kept " + std::string(place.dir) + ": it holds " + std::string(package.id) + " already, whole");
        } else {
            jobs[job].places.push_back(number);
        }
    }
    std::erase_if(jobs, [](const Job& job) { return job.places.empty(); });
    return jobs;
}

Result<> Pipeline::make_places(const Job& job) {
    for (std::uint32_t number : job.places) {
        const Place& place = plan_.places[number];
        PMX_CHECK(tree_.ensure_dir(place.root, place.dir));
    }
    return {};
}

Result<> Pipeline::make_symlinks() {
    for (std::uint32_t i = 0; i < plan_.symlinks.size(); ++i) {
        const Symlink& link = plan_.symlinks[i];
        if (stopping()) return {};
        if (link.root == Root::shared || keep_links_[i]) continue;  // the shared ones are made with their slot
        PMX_CHECK(tree_.ensure_parent(link));
        links_.push_back(i);
    }
    links_are_ready_.store(true, std::memory_order_release);
    return make_next_links();
}

Result<> Pipeline::make_next_links() {
    for (;;) {
        const std::size_t from = next_link_.fetch_add(kLinksAtOnce), to = std::min(from + kLinksAtOnce, links_.size());
        if (from >= links_.size() || stopping()) return {};
        for (std::size_t i = from; i < to; ++i) PMX_CHECK(tree_.put_symlink(plan_.symlinks[links_[i]]));
    }
}

Result<PipelineResult> Pipeline::run() {
    result_.facts.resize(graph_.packages.size());
    result_.keep = keep_;
    result_.keys = seen_->all;
    jobs_ = group();

    // Slots of the shared store: those that stand are kept whole, the others get their links before their files.
    std::unordered_map<std::string_view, bool> slots;
    for (const Job& job : jobs_)
        for (std::uint32_t number : job.places)
            if (plan_.places[number].root == Root::shared && links()) {
                std::string_view slot = slot_of(plan_.places[number].dir);
                PMX_TRY(bool fresh, tree_.begin_slot(slot));
                slots.emplace(slot, fresh);
            }
    for (const Symlink& link : plan_.symlinks)
        if (link.root == Root::shared)
            if (auto slot = slots.find(slot_of(link.path)); slot != slots.end() && slot->second)
                PMX_CHECK(tree_.ensure_symlink(link));
    if (!slots.empty()) {
        for (Job& job : jobs_)
            std::erase_if(job.places, [&](std::uint32_t number) {
                bool stands = plan_.places[number].root == Root::shared && !slots.at(slot_of(plan_.places[number].dir));
                if (stands) {
                    ++run_.metrics.kept;
                    result_.keep[number] = true;
                }
                return stands;
            });
        std::erase_if(jobs_, [](const Job& job) { return job.places.empty(); });
    }

    for (const Job& job : jobs_)
        for (std::uint32_t p : job.packages) run_.events.resolved(graph_.packages[p].id);
    open_jobs_ = jobs_.size() + 1;  // and what is done here
    for (std::size_t job = 0; job < jobs_.size(); ++job) {
        Result<> made = stopping() || !links() ? Result<>() : make_places(jobs_[job]);
        if (!made) finish_job(job, std::move(made));
        else submit_found(job);
    }
    Result<> linked = links() ? make_symlinks() : Result<>();
    std::unique_lock lock(mutex_);
    finish_one_locked(std::move(linked));
    done_.wait(lock, [&] { return open_jobs_ == 0; });
    lock.unlock();
    if ((error_ || run_.cancel.is_set()) && links()) withdraw_unfinished();
    if (error_) return tl::make_unexpected(std::move(*error_));
    if (run_.cancel.is_set())
        return fail(Code::CANCELLED, "interrupted", run_.root, "what was linked is whole; run pmx install again to go on");
    if (seen_->new_pack) store_.finish_pack(*seen_->new_pack, seen_->pack_name);
    return std::move(result_);
}

void Pipeline::submit_found(std::size_t job) {
    link_pool_->submit([this, job](std::uint32_t) { find_and_link(job); });
}

void Pipeline::find_and_link(std::size_t number) {
    ++begun_jobs_;
    if (stopping()) return finish_job(number, {});
    Job& job = jobs_[number];
    const Package& package = package_of(job);
    auto fetch_it = [&] {
        auto request = archive_request(package, run_.settings, run_.root);
        if (!request) return finish_job(number, tl::make_unexpected(std::move(request).error()));
        fetch_->add(number, std::move(*request));
    };
    if (package.resolution.kind == ResolutionKind::directory) {
        if (!links()) return finish_job(number, {});
        auto view = Store::view_directory(tree_.fd(Root::project), package.resolution.directory, package.id);
        if (!view) return finish_job(number, tl::make_unexpected(std::move(view).error()));
        run_.events.explain("linked " + std::string(package.id) + " from its directory: a directory dependency is never stored");
        return link_places(number, std::move(*view));
    }
    if (ahead_ && ahead_->is_coming(job.key, [this, number] { submit_found(number); })) return;
    if (std::optional<ObjectView> object = seen_->take(job.key)) return link_stored(number, std::move(*object));
    auto found = store_.find(job.key, seen_->pack ? &*seen_->pack : nullptr);
    if (!found) return finish_job(number, tl::make_unexpected(std::move(found).error()));
    if (!*found) {
        ++run_.metrics.cold;
        run_.events.explain("fetched " + std::string(package.id) + ": the store has no object " + job.key.substr(0, 16) + "…");
        return fetch_it();
    }
    // Unpacked a moment ago by this run: nothing to check, and nothing warm about it.
    if (ahead_ && ahead_->has_brought(job.key)) {
        run_.events.explain("fetched " + std::string(package.id) + " while the graph was being resolved");
        return link_places(number, std::move(**found));
    }
    if (until_ == Until::fetch) {
        ++run_.metrics.warm;
        for (std::uint32_t p : job.packages) run_.events.found_in_store(graph_.packages[p].id);
        return finish_job(number, {});
    }
    auto good = holds(job, **found);
    if (good && !*good && (*found)->is_from_pack) {
        // It was the pack that is out of date, or the object is damaged: its own index tells.
        store_.drop_pack(seen_->pack_name);
        found = store_.find(job.key);
        good = !found ? tl::make_unexpected(std::move(found).error()) : !*found ? Result<bool>(false) : holds(job, **found);
    }
    if (!good) return finish_job(number, tl::make_unexpected(std::move(good).error()));
    if (!*good) {
        ++run_.metrics.repaired;
        ++run_.metrics.cold;
        job.repair = true;
        found->reset();
        return fetch_it();
    }
    link_stored(number, std::move(**found));
}

Result<bool> Pipeline::holds(const Job& job, const ObjectView& object) const {
    // Without digests there is nothing to compare contents with: the object is made again, with them.
    if (level_ == PMX_LEVEL_CONTENT && object.digests.empty() && !object.files.empty()) return false;
    return check_object(run_, validators_, object, level_, package_of(job).id);
}

void Pipeline::link_stored(std::size_t number, ObjectView object) {
    const Job& job = jobs_[number];
    ++run_.metrics.warm;
    if (run_.events.explains())
        run_.events.explain("linked " + std::string(package_of(job).id) + " from the store: " +
                            (level_ == PMX_LEVEL_NONE ? "it is there, and nothing more was asked (check none)"
                                                      : "checked, and every file is as it was unpacked (check " +
                                                            std::string(run_.settings.text("check")) + ")"));
    for (std::uint32_t p : job.packages) run_.events.found_in_store(graph_.packages[p].id);
    if (seen_->new_pack) seen_->new_pack->add(job.key, object.storage);
    link_places(number, std::move(object));
}

void Pipeline::arrived(std::size_t number, const std::string& url, Result<FetchResponse> response) {
    if (!response) {
        fetch_->consumed(0);
        return finish_job(number, tl::make_unexpected(std::move(response).error()));
    }
    auto body = std::make_shared<std::string>(std::move(response->body));
    unpack_pool_->submit([this, number, url, body](std::uint32_t) {
        std::size_t size = body->size();
        Result<ObjectView> view = stopping() ? fail(Code::CANCELLED, "cancelled") : verify_and_unpack(number, url, *body);
        body->clear();
        body->shrink_to_fit();
        unpacked(number, size, std::move(view));
    });
}

std::shared_ptr<Arrival> Pipeline::arriving(std::size_t number, const std::string& url) {
    return arrivals_->begin(
        validators_, package_of(jobs_[number]), url, [this, number](ArchiveSource& archive) { return unpack(number, archive); },
        [this, number](Result<ObjectView> view) { unpacked(number, 0, std::move(view)); });
}

void Pipeline::unpacked(std::size_t number, std::size_t held, Result<ObjectView> view) {
    fetch_->consumed(held);
    if (!view) return finish_job(number, tl::make_unexpected(std::move(view).error()));
    for (std::uint32_t p : jobs_[number].packages) run_.events.fetched(graph_.packages[p].id);
    if (seen_->new_pack) seen_->new_pack->add(jobs_[number].key, view->storage);
    auto shared = std::make_shared<ObjectView>(std::move(*view));
    link_pool_->submit_or_run([this, number, shared](std::uint32_t) { link_places(number, std::move(*shared)); });
}

Result<ObjectView> Pipeline::verify_and_unpack(std::size_t number, const std::string& url, std::string_view body) {
    PMX_CHECK(verify_archive(run_, validators_, package_of(jobs_[number]), body, url));
    WholeArchive whole(body);
    return unpack(number, whole);
}

Result<ObjectView> Pipeline::unpack(std::size_t number, ArchiveSource& archive) {
    const Job& job = jobs_[number];
    const Package& package = package_of(job);
    StageTimer timer(run_.metrics, Stage::unpack, package.id);
    std::string_view subdir = package.resolution.kind == ResolutionKind::git ? std::string_view() : package.resolution.path;
    PMX_TRY(Store::Unpacked unpacked, store_.unpack(job.key, archive, package.id, job.repair, subdir, {}, level_ == PMX_LEVEL_CONTENT));
    run_.metrics.files_unpacked += unpacked.files;
    run_.metrics.bytes_unpacked += unpacked.bytes;
    return std::move(unpacked.view);
}

void Pipeline::link_places(std::size_t number, ObjectView object) {
    if (stopping() || !links()) return finish_job(number, {});
    const Job& job = jobs_[number];
    const Package& package = package_of(job);
    const ObjectManifest& manifest = object.manifest;
    if (package.resolution.kind == ResolutionKind::registry && !manifest.name.empty() &&
        (manifest.name != package.name || (!manifest.version.empty() && manifest.version != package.version)))
        run_.events.warning("the archive of " + std::string(package.id) + " calls itself " + std::string(manifest.name) +
                            "@" + std::string(manifest.version));
    Result<> outcome = check_manifest(validators_, object, package);
    for (std::uint32_t place : job.places) {
        if (!outcome) break;
        outcome = link_place(job, place, object);
    }
    if (outcome) remember_facts(job, object);
    // Nothing else waits for this thread: it helps with the links.
    if (outcome && begun_jobs_ >= jobs_.size() && links_are_ready_.load(std::memory_order_acquire)) outcome = make_next_links();
    finish_job(number, std::move(outcome));
}

Result<> Pipeline::link_place(const Job&, std::uint32_t number, const ObjectView& object) {
    const Place& place = plan_.places[number];
    const Package& package = graph_.packages[place.package];
    StageTimer timer(run_.metrics, Stage::link, package.id);
    PMX_TRY(Fd target, tree_.open_place(place.root, place.dir));
    bool private_copy = package.runs_scripts || !package.patch_hash.empty();
    PMX_TRY(std::string_view importer, link_.link(object, target.raw(), tree_.device(place.root), private_copy, package.id));
    if (place.root == Root::shared) PMX_CHECK(tree_.publish(slot_of(place.dir)));
    ++run_.metrics.linked;
    run_.events.imported(package.id, place.dir, importer);
    return {};
}

void Pipeline::remember_facts(const Job& job, const ObjectView& object) {
    for (std::uint32_t p : job.packages) {
        PackageFacts& facts = result_.facts[p];
        facts.known = true;
        facts.has_install_script = object.manifest.has_install_script;
        facts.bundled.assign(object.manifest.bundled.begin(), object.manifest.bundled.end());
        for (const ObjectBin& bin : object.manifest.bins) facts.bins.emplace_back(bin.name, bin.path);
    }
}

// An install that fails leaves no directory or link that looks like a package and is none.
void Pipeline::withdraw_unfinished() {
    std::unordered_set<std::string_view> gone;
    for (const Job& job : jobs_) {
        if (job.done) continue;
        for (std::uint32_t number : job.places) {
            const Place& place = plan_.places[number];
            gone.insert(place.dir);
            if (place.root == Root::project && !place.has_nested) (void)tree_.remove_later(place.root, place.dir);
        }
    }
    for (const Symlink& link : plan_.symlinks)
        if (link.root == Root::project && gone.contains(link.target)) {
            std::string path(link.path);
            auto there = stat_at(tree_.fd(link.root), path.c_str());
            if (there && *there && (*there)->is_symlink()) (void)remove_file(tree_.fd(link.root), path.c_str());
        }
}

void Pipeline::finish_job(std::size_t number, Result<> outcome) {
    std::lock_guard lock(mutex_);
    jobs_[number].done = outcome.has_value() && !stopping();
    if (!outcome) {
        Job& job = jobs_[number];
        Error error = std::move(outcome).error();
        if (job.optional && (error.code == Code::FETCH || error.code == Code::FETCH_NOT_FOUND || error.code == Code::FETCH_AUTH)) {
            result_.failed_optional.insert(result_.failed_optional.end(), job.packages.begin(), job.packages.end());
            run_.events.skipped_optional(package_of(job).id, "resolution_failure", to_string(error));
        } else {
            return finish_one_locked(Failure(std::move(error)));
        }
    }
    finish_one_locked({});
}

void Pipeline::finish_one_locked(Result<> outcome) {
    if (!outcome && !error_ && outcome.error().code != Code::CANCELLED) {
        error_ = std::move(outcome).error();
        run_.cancel.set();
    }
    if (--open_jobs_ == 0) done_.notify_all();
}

}  // namespace pmx
