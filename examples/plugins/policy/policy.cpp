// policy: a file of the house says which packages may be installed: licences, denied packages, ages. Looked at for each
// package before it is linked, downloaded or stored; what breaks the policy stops the install.
//
//   { "licenses": ["MIT", "ISC"], "without-license": "deny", "deny": ["left-pad", "event-stream@3.3.6", "@evil/*"],
//     "minimum-age-days": 3, "maximum-age-days": 3650 }
#include <chrono>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>

#define PMX_NEEDS_MINOR 1  // pmx.registry/1
#include <pmx/validator.hpp>

namespace {

using namespace pmx::sdk;
using nlohmann::json;

constexpr pmx_option options[] = {option_text("file", "The policy, a JSON file", "policy.json")};

// "MIT", "(MIT OR GPL-2.0)", "MIT AND ISC": is there a choice all of whose licences are allowed?
bool is_allowed(std::string_view expression, const std::set<std::string>& allowed) {
    for (std::string_view operation : {" OR ", " AND "}) {
        int depth = 0;
        for (std::size_t i = 0; i < expression.size(); ++i) {
            depth += expression[i] == '(' ? 1 : expression[i] == ')' ? -1 : 0;
            if (depth != 0 || expression.substr(i, operation.size()) != operation) continue;
            bool left = is_allowed(expression.substr(0, i), allowed);
            if (left == (operation == " OR ")) return left;  // decided
            return is_allowed(expression.substr(i + operation.size()), allowed);
        }
    }
    if (expression.size() > 1 && expression.front() == '(' && expression.back() == ')')
        return is_allowed(expression.substr(1, expression.size() - 2), allowed);
    return allowed.contains(std::string(expression));
}

// package.json's "license", and the forms that it had before.
std::string license_of(const json& manifest) {
    auto one = [](const json& value) {
        if (value.is_string()) return value.get<std::string>();
        return value.is_object() ? value.value("type", "") : std::string();
    };
    if (manifest.contains("license")) return one(manifest["license"]);
    std::string all;
    if (manifest.contains("licenses") && manifest["licenses"].is_array())
        for (const json& value : manifest["licenses"]) all += (all.empty() ? "" : " OR ") + one(value);
    return all;
}

bool matches(std::string_view pattern, std::string_view name, std::string_view version) {
    if (pattern.ends_with("*")) return name.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == name || pattern == std::string(name) + "@" + std::string(version);
}

class Policy {
  public:
    Policy(Host host, const Config& config) : registry_(host.service<pmx_registry>(PMX_SERVICE_REGISTRY)) {
        std::string file(config.text("file"));
        std::ifstream in(file);
        json policy = in ? json::parse(in, nullptr, false) : json();
        if (!policy.is_object())
            throw Error(PMX_INVALID, in ? "the policy is no JSON object" : "the policy cannot be read", file,
                        "give its path: --plugin-option policy.file=PATH");
        try {
            for (const json& one : policy.value("licenses", json::array())) licenses_.insert(one.get<std::string>());
            for (const json& one : policy.value("deny", json::array())) denied_.push_back(one.get<std::string>());
            denies_unlicensed_ = policy.value("without-license", "deny") == "deny";
            youngest_ = policy.value("minimum-age-days", 0);
            oldest_ = policy.value("maximum-age-days", 0);
        } catch (const json::exception& error) {
            throw Error(PMX_INVALID, std::string("the policy is not right: ") + error.what(), file);
        }
        if ((youngest_ || oldest_) && !registry_)
            throw Error(PMX_UNSUPPORTED, "this host tells no times of publication", file, "leave the ages out of the policy");
    }

    pmx_status check_manifest(Op op, const pmx_manifest& manifest) {
        std::string_view name = view(manifest.name), version = view(manifest.version);
        for (const std::string& pattern : denied_)
            if (matches(pattern, name, version)) return refuse(op, manifest, "the policy denies this package (" + pattern + ")");
        if (!licenses_.empty()) {
            json parsed = json::parse(view(manifest.json), nullptr, false);
            std::string license = parsed.is_object() ? license_of(parsed) : "";
            if (license.empty() && denies_unlicensed_) return refuse(op, manifest, "the package names no licence");
            if (!license.empty() && !is_allowed(license, licenses_))
                return refuse(op, manifest, "the policy does not allow the licence " + license);
        }
        return youngest_ || oldest_ ? check_age(op, manifest) : PMX_OK;
    }

  private:
    static pmx_status refuse(Op op, const pmx_manifest& manifest, const std::string& why) {
        op.report(PMX_ERROR, why, view(manifest.id), "remove the package, or have the policy changed");
        return PMX_MISMATCH;
    }

    pmx_status check_age(Op op, const pmx_manifest& manifest) {
        std::string published = times_of(op, std::string(view(manifest.name)))[std::string(view(manifest.version))];
        std::tm when{};
        if (!::strptime(published.c_str(), "%Y-%m-%dT%H:%M:%S", &when))
            return refuse(op, manifest, "the registry does not say when this was published");
        auto age = std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(::timegm(&when));
        auto days = std::chrono::duration_cast<std::chrono::hours>(age).count() / 24;
        if (youngest_ && days < youngest_)
            return refuse(op, manifest, "published " + std::to_string(days) + " days ago, and the policy wants " + std::to_string(youngest_));
        if (oldest_ && days > oldest_)
            return refuse(op, manifest, "published " + std::to_string(days) + " days ago, and the policy allows " + std::to_string(oldest_));
        return PMX_OK;
    }

    // version → time of publication; asked for once a name. Several workers may ask for one name at once: both are right.
    std::map<std::string, std::string> times_of(Op op, const std::string& name) {
        {
            std::lock_guard lock(mutex_);
            if (auto known = times_.find(name); known != times_.end()) return known->second;
        }
        std::string document;
        auto emit = [](void* context, pmx_str body) { *static_cast<std::string*>(context) = view(body); };
        pmx_status status = registry_->get(registry_, op.raw(), str(name), str(name), emit, &document);
        if (status != PMX_OK) throw Reported(status);
        json parsed = json::parse(document, nullptr, false);
        std::map<std::string, std::string> times;
        if (parsed.is_object() && parsed.contains("time") && parsed["time"].is_object())
            for (const auto& [version, time] : parsed["time"].items())
                if (time.is_string()) times.emplace(version, time.get<std::string>());
        std::lock_guard lock(mutex_);
        return times_.emplace(name, std::move(times)).first->second;
    }

    const pmx_registry* registry_;
    std::set<std::string> licenses_;
    std::vector<std::string> denied_;
    bool denies_unlicensed_ = true;
    long youngest_ = 0, oldest_ = 0;
    std::mutex mutex_;
    std::map<std::string, std::map<std::string, std::string>> times_;
};

}  // namespace

PMX_VALIDATOR(Policy, "policy", "1.0.0", "A file says which licences, packages and ages may be installed", 0, options, 1)
