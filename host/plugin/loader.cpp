// Plugins: from a name to an instance. Every refusal is one sentence that names the file, both versions where versions
// are the matter, and the remedy; the library's own code has not been asked for anything by then.
#define BOOST_DLL_USE_STD_FS
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include <boost/dll/shared_library.hpp>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "plugin/fetch_slot.hpp"
#include "plugin/instance.hpp"
#include "plugin/trust.hpp"

namespace pmx {

#ifdef PMX_STATIC_PLUGINS
extern const StaticPlugin pmx_static_plugins[];
extern const std::size_t pmx_static_plugin_count;
#else
static constexpr const StaticPlugin* pmx_static_plugins = nullptr;
static constexpr std::size_t pmx_static_plugin_count = 0;
#endif

namespace {

std::string abi_text(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }
const std::string kOurs = abi_text(PMX_ABI_MAJOR, PMX_ABI_MINOR);

std::string_view kind_word(PluginKind kind) {
    switch (kind) {
        case PluginKind::layout: return "layout";
        case PluginKind::importer: return "importer";
        case PluginKind::fetcher: return "fetcher";
        case PluginKind::validator: return "validator";
    }
    return "";
}

// The directories of the installation, seen from the running program.
std::vector<std::string> installed_directories() {
    std::vector<std::string> dirs;
    auto exe = read_link(AT_FDCWD, "/proc/self/exe");
    if (!exe) return dirs;
    std::string bin = parent_path(*exe);
    for (std::string_view tail : {"../lib/pmx/plugins", PMX_LIBDIR_FROM_BIN "/pmx/plugins"}) {
        std::string dir = join_path(bin, tail);
        if (std::find(dirs.begin(), dirs.end(), dir) == dirs.end()) dirs.push_back(std::move(dir));
    }
    // Where the engine is part of a shared library (the Python module), the installation is seen from there.
    Dl_info self{};
    if (::dladdr(reinterpret_cast<const void*>(&installed_directories), &self) && self.dli_fname && std::string_view(self.dli_fname).ends_with(".so"))
        for (std::string_view tail : {"plugins", "../../lib/pmx/plugins", "../../plugins"})
            dirs.push_back(join_path(parent_path(join_path(current_dir(), self.dli_fname)), tail));
    return dirs;
}

bool is_plugin_name(std::string_view name) {
    return !name.empty() && name[0] != '.' && name.size() < 200 && name.find_first_of("/\\ \t\n") == name.npos;
}

}  // namespace

// A library that passed negotiation: its table, and what it says about itself.
struct Loaded {
    const pmx_plugin* table;
    PluginInfo info;
};

struct Plugins::State {
    PluginPath path;
    std::shared_ptr<HostRoom> room;
    std::mutex mutex;
    std::map<std::string, Loaded, std::less<>> loaded;   // by file, or by "linked in: NAME"
    std::map<std::string, std::string, std::less<>> by_name;

    struct Found {
        std::string file;
        bool builtin;
        pmx_plugin_entry entry;  // linked in
    };
    Result<Found> find(std::string_view name) const;
    Result<const Loaded*> load(std::string_view name);
    Result<pmx_plugin_entry> open(const std::string& file) const;
    Result<PluginInfo> negotiate(const pmx_plugin* table, const std::string& file, bool builtin) const;
    Result<> negotiate_functions(const pmx_plugin& table, PluginKind kind, const std::string& file) const;
    Result<std::shared_ptr<Plugin>> make(std::string_view name, PluginKind kind, const OptionValues& options);
};

Result<Plugins::State::Found> Plugins::State::find(std::string_view name) const {
    auto exists = [](const std::string& file) {
        auto found = stat_at(AT_FDCWD, file.c_str());
        return found && *found && !(*found)->is_dir();
    };
    if (name.find('/') != name.npos) {
        std::string file = join_path(current_dir(), name);
        if (exists(file)) return Found{std::move(file), false, nullptr};
        return fail(Code::PLUGIN_NOT_FOUND, "there is no plugin at this path", file,
                    "give the path of a shared library, or the name of an installed plugin");
    }
    if (!is_plugin_name(name))
        return fail(Code::PLUGIN_NOT_FOUND, "this is not the name of a plugin", std::string(name),
                    "plugin names are like \"isolated\"; a path has a '/' in it");
    std::vector<std::string> tried;
    auto look = [&](const std::string& dir, bool builtin) -> std::optional<Found> {
        tried.push_back(join_path(join_path(current_dir(), dir), std::string(name) + ".so"));
        if (!exists(tried.back())) return std::nullopt;
        return Found{tried.back(), builtin, nullptr};
    };
    for (const std::string& dir : path.directories)
        if (!dir.empty())
            if (auto found = look(dir, false)) return *found;
    for (std::size_t i = 0; i < pmx_static_plugin_count; ++i)
        if (name == pmx_static_plugins[i].name)
            return Found{"linked in: " + std::string(name), true, pmx_static_plugins[i].entry};
    for (const std::string& dir : installed_directories())
        if (auto found = look(dir, true)) return *found;
    std::string remedy = "looked at";
    for (std::size_t i = 0; i < tried.size(); ++i) remedy += (i ? ", " : " ") + tried[i];
    if (pmx_static_plugin_count) remedy += ", and among the plugins linked into this program";
    remedy += "; add its directory with --plugin-path DIR, or give its path";
    return fail(Code::PLUGIN_NOT_FOUND, "no plugin has this name", std::string(name), std::move(remedy));
}

Result<pmx_plugin_entry> Plugins::State::open(const std::string& file) const {
    auto reject = [&](std::string what, std::string remedy) {
        return fail(Code::PLUGIN_REJECTED, std::move(what), file, std::move(remedy));
    };
    auto symbols = library_symbols(file);
    if (!symbols) return reject("the plugin cannot be read: " + symbols.error().what, symbols.error().remedy);
    if (!symbols->fault.empty())
        return reject("this file is no pmx plugin: " + symbols->fault, "give a library built with the pmx plugin SDK");
    if (!symbols->unknown && !symbols->has_entry) {
        unsigned other = symbols->majors.empty() ? 0 : *std::max_element(symbols->majors.begin(), symbols->majors.end());
        if (other > PMX_ABI_MAJOR)
            return reject("the plugin was built for version " + std::to_string(other) +
                              " of the plugin interface, and this pmx has " + kOurs,
                          "update pmx, or use a build of the plugin for version " + std::to_string(PMX_ABI_MAJOR));
        if (other != 0)
            return reject("the plugin was built for version " + std::to_string(other) +
                              " of the plugin interface, and this pmx has " + kOurs,
                          "update the plugin, or build it again with this pmx's SDK");
        return reject("this library is no pmx plugin: it does not export " PMX_ENTRY_SYMBOL,
                      "build it with pmx_add_plugin() and one of the PMX_… macros of the SDK");
    }
    boost::dll::fs::error_code error;
    boost::dll::shared_library library;
    library.load(file, error, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (error) {
        const char* why = ::dlerror();
        return reject("the plugin cannot be loaded: " + (why ? std::string(why) : error.message()),
                      "install the libraries it needs, or build it again on this machine");
    }
    // It stays for the life of the process: tables, type information and thread-locals of it may be in use anywhere.
    ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
    if (!library.has(PMX_ENTRY_SYMBOL))
        return reject("this library is no pmx plugin: it does not export " PMX_ENTRY_SYMBOL,
                      "build it with pmx_add_plugin() and one of the PMX_… macros of the SDK");
    return &library.get<const pmx_plugin*()>(PMX_ENTRY_SYMBOL);
}

Result<PluginInfo> Plugins::State::negotiate(const pmx_plugin* table, const std::string& file, bool builtin) const {
    auto reject = [&](std::string what, std::string remedy = "tell its author, or use another version of it") {
        return fail(Code::PLUGIN_REJECTED, std::move(what), file, std::move(remedy));
    };
    if (!table || !PMX_HAS(table, pmx_plugin, destroy)) return reject("the plugin's table is missing or too short");
    if (table->abi_major != PMX_ABI_MAJOR)
        return reject("the plugin says that it was built for version " + std::to_string(table->abi_major) +
                          " of the plugin interface, and this pmx has " + kOurs,
                      "build it again with this pmx's SDK");
    if (table->needs_minor > PMX_ABI_MINOR)
        return reject("the plugin needs version " + abi_text(PMX_ABI_MAJOR, table->needs_minor) +
                          " of the plugin interface, and this pmx has " + kOurs,
                      "update pmx, or use an older version of the plugin");
    if (!table->name || !table->version || !table->summary || !table->kind || !table->functions || !table->create ||
        !table->destroy)
        return reject("the plugin's table has empty fields");
    if ((table->capabilities & PMX_CAP_DRAFT) && !path.allow_drafts)
        return reject("the plugin uses draft interfaces, which may change", "allow drafts, or use a released version of it");
    PluginInfo info{table->name, table->version, table->summary, {}, file, table->capabilities, builtin, {}, table->needs_minor};
    std::string_view kind = table->kind;
    info.kind = kind.substr(0, kind.find('/'));
    std::string_view revision = kind.size() > info.kind.size() ? kind.substr(info.kind.size() + 1) : "";
    for (PluginKind known : {PluginKind::layout, PluginKind::importer, PluginKind::fetcher, PluginKind::validator}) {
        if (info.kind != kind_word(known)) continue;
        if (revision != "1")
            return reject("the plugin is of kind " + std::string(kind) + ", and this pmx knows " + info.kind + "/1",
                          "update pmx, or use a build of the plugin for " + info.kind + "/1");
        PMX_CHECK(negotiate_functions(*table, known, file));
        PMX_TRY(info.options, declared_options(*table, file));
        return info;
    }
    return reject("the plugin is of kind " + std::string(kind) +
                      ", and this pmx knows layout/1, importer/1, fetcher/1 and validator/1",
                  "update pmx, or use another plugin");
}

Result<> Plugins::State::negotiate_functions(const pmx_plugin& table, PluginKind kind, const std::string& file) const {
    bool whole = false;
    if (kind == PluginKind::layout) {
        auto* functions = static_cast<const pmx_layout*>(table.functions);
        whole = PMX_HAS(functions, pmx_layout, plan) && functions->plan;
    } else if (kind == PluginKind::importer) {
        auto* functions = static_cast<const pmx_importer*>(table.functions);
        whole = PMX_HAS(functions, pmx_importer, import) && functions->import;
    } else if (kind == PluginKind::fetcher) {
        auto* functions = static_cast<const pmx_fetcher*>(table.functions);
        whole = PMX_HAS(functions, pmx_fetcher, fetch) && functions->fetch && functions->schemes;
    } else {
        auto* functions = static_cast<const pmx_validator*>(table.functions);
        whole = PMX_HAS(functions, pmx_validator, check_manifest);
    }
    if (whole) return {};
    return fail(Code::PLUGIN_REJECTED, "the plugin's function table is too short or has empty fields", file,
                "tell its author, or use another version of it");
}

Result<const Loaded*> Plugins::State::load(std::string_view name) {
    std::lock_guard lock(mutex);
    if (auto known = by_name.find(name); known != by_name.end()) return &loaded.at(known->second);
    PMX_TRY(Found found, find(name));
    auto at = loaded.find(found.file);
    if (at == loaded.end()) {
        if (!found.entry) {
            if (!found.builtin && room->services.first_use)
                if (auto seen = acquaint(room->services.record, found.file); seen != Acquaintance::known)
                    room->services.first_use(base_name(found.file), found.file, seen == Acquaintance::changed);
            PMX_TRY(found.entry, open(found.file));
        }
        const pmx_plugin* table = found.entry();
        PMX_TRY(PluginInfo info, negotiate(table, found.file, found.builtin));
        at = loaded.emplace(found.file, Loaded{table, std::move(info)}).first;
    }
    by_name.emplace(name, found.file);
    return &at->second;
}

Result<std::shared_ptr<Plugin>> Plugins::State::make(std::string_view name, PluginKind kind,
                                                     const OptionValues& options) {
    PMX_TRY(const Loaded* library, load(name));
    if (library->info.kind != kind_word(kind)) {
        std::string wanted(kind_word(kind));
        std::string flag = kind == PluginKind::layout ? "linker" : kind == PluginKind::importer ? "import" : wanted;
        std::string fits = library->info.kind == "layout"     ? "linker"
                           : library->info.kind == "importer" ? "import"
                                                              : library->info.kind;
        return fail(Code::PLUGIN_REJECTED,
                    "plugin " + library->info.name + " is of kind " + library->info.kind + ", and kind " + wanted +
                        " is needed here",
                    library->info.file, "it fits --" + fits + "; give --" + flag + " a plugin of its own kind");
    }
    auto plugin = std::make_shared<Plugin>(room, library->info, library->table);
    PMX_CHECK(plugin->create(options));
    return plugin;
}

Plugin::Plugin(std::shared_ptr<HostRoom> room, PluginInfo info, const pmx_plugin* table)
    : room_(std::move(room)), info_(std::move(info)), table_(table) {}

Plugin::~Plugin() {
    if (created_) table_->destroy(self_);
    for (auto& slot : slots_) slot->abandon();
}

Result<> Plugin::create(const OptionValues& values) {
    PMX_TRY(OptionValues checked, checked_options(info_, values));
    std::vector<std::vector<pmx_str>> items;
    std::vector<pmx_option_value> passed;
    items.reserve(checked.size());
    for (const auto& [name, texts] : checked) {
        std::vector<pmx_str>& list = items.emplace_back();
        for (const std::string& text : texts) list.push_back(str(text));
        passed.push_back({str(name), list.data(), list.size()});
    }
    pmx_config config = {sizeof config, sizeof(pmx_option_value), passed.data(), passed.size()};
    services_ = std::make_unique<ServiceTables>(room_);
    Op op(*room_, info_);
    pmx_status status = closed(table_->create(services_->host(), op.c(), &config, &self_));
    created_ = status == PMX_OK;
    if (created_) return {};
    Op::Codes codes;
    codes.invalid = Code::CONFIG;
    return Failure(op.error(status, "starting the plugin", info_.file, codes));
}

FetchSlot& Plugin::new_slot(FetchRequest request, std::function<void(Result<FetchResponse>)> done) {
    auto slot = std::make_unique<FetchSlot>(*this, std::move(request), std::move(done));
    std::lock_guard lock(mutex_);
    return *slots_.emplace_back(std::move(slot));
}

Plugins::Plugins(PluginPath path, HostServices services) : state_(std::make_unique<State>()) {
    state_->path = std::move(path);
    state_->room = std::make_shared<HostRoom>();
    state_->room->services = std::move(services);
}

Plugins::~Plugins() = default;

Result<Layout> Plugins::layout(std::string_view name, const OptionValues& options) {
    PMX_TRY(auto plugin, state_->make(name, PluginKind::layout, options));
    return Layout{std::move(plugin)};
}

Result<Importer> Plugins::importer(std::string_view name, const OptionValues& options) {
    PMX_TRY(auto plugin, state_->make(name, PluginKind::importer, options));
    return Importer{std::move(plugin)};
}

Result<Fetcher> Plugins::fetcher(std::string_view name, const OptionValues& options) {
    PMX_TRY(auto plugin, state_->make(name, PluginKind::fetcher, options));
    return Fetcher{std::move(plugin)};
}

Result<Validator> Plugins::validator(std::string_view name, const OptionValues& options) {
    PMX_TRY(auto plugin, state_->make(name, PluginKind::validator, options));
    return Validator{std::move(plugin)};
}

Result<> Plugins::add(const pmx_plugin* table) {
    std::lock_guard lock(state_->mutex);
    const std::string file = "in this program: " + std::string(table && table->name ? table->name : "?");
    PMX_TRY(PluginInfo info, state_->negotiate(table, file, false));
    if (!is_plugin_name(info.name))
        return fail(Code::PLUGIN_REJECTED, "this is not the name of a plugin", info.name, "plugin names are like \"isolated\"");
    std::string name = info.name;
    state_->loaded.insert_or_assign(file, Loaded{table, std::move(info)});
    state_->by_name.insert_or_assign(std::move(name), file);
    return {};
}

Result<PluginInfo> Plugins::describe(std::string_view name) {
    PMX_TRY(const Loaded* library, state_->load(name));
    return library->info;
}

std::vector<FoundPlugin> Plugins::found() const {
    std::vector<FoundPlugin> all;
    std::set<std::string, std::less<>> known;
    auto add = [&](std::string name, std::string file, bool builtin) {
        bool hidden = !known.insert(name).second;
        all.push_back({std::move(name), std::move(file), builtin, hidden});
    };
    std::set<std::string, std::less<>> seen;
    auto look = [&](const std::string& path, bool builtin) {
        std::string at = join_path(current_dir(), path);
        auto dir = open_dir(AT_FDCWD, at.c_str());
        if (path.empty() || !dir || !seen.insert(at).second) return;
        auto entries = list_dir(dir->raw());
        if (!entries) return;
        std::sort(entries->begin(), entries->end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
        for (const DirEntry& entry : *entries)
            if (std::string_view name = entry.name; name.size() > 3 && name.ends_with(".so"))
                add(std::string(name.substr(0, name.size() - 3)), join_path(at, name), builtin);
    };
    for (const std::string& dir : state_->path.directories) look(dir, false);
    for (std::size_t i = 0; i < pmx_static_plugin_count; ++i)
        add(pmx_static_plugins[i].name, std::string("linked in: ") + pmx_static_plugins[i].name, true);
    for (const std::string& dir : installed_directories()) look(dir, true);
    return all;
}

std::size_t Plugins::loaded() const {
    std::lock_guard lock(state_->mutex);
    return state_->loaded.size();
}

std::map<std::string, std::uint64_t, std::less<>> Plugins::counters() const {
    std::lock_guard lock(state_->room->mutex);
    return state_->room->counters;
}

}  // namespace pmx
