#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "plugin/instance.hpp"

namespace pmx {

Op::Op(const HostRoom& room, const PluginInfo& info) : room_(room), info_(info) {
    op_ = {sizeof op_, this, &is_cancelled, &report, &progress};
}

int Op::is_cancelled(const pmx_op* op) noexcept {
    const auto& self = *static_cast<const Op*>(op->host);
    return self.room_.services.cancel && self.room_.services.cancel->is_set();
}

void Op::report(const pmx_op* op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy,
                std::int32_t system_error) noexcept try {
    auto& self = *static_cast<Op*>(op->host);
    if (severity != PMX_ERROR)
        return self.room_.diagnostic(static_cast<int>(severity), view(what), view(subject), view(remedy));
    std::lock_guard lock(self.mutex_);
    if (self.said_) self.room_.diagnostic(PMX_ERROR, self.said_->what, self.said_->subject, self.said_->remedy);
    self.said_ = Said{std::string(view(what)), std::string(view(subject)), std::string(view(remedy)), system_error};
} catch (...) {
    // Out of memory while describing an error: the status still says that the call failed.
}

void Op::progress(const pmx_op*, std::uint64_t, std::uint64_t) noexcept {
    // Bytes and files are counted through pmx.counters; a call is too short for a bar of its own.
}

void Op::forward() const {
    std::lock_guard lock(mutex_);
    if (said_) room_.diagnostic(PMX_WARNING, said_->what, said_->subject, said_->remedy);
}

Error Op::error(pmx_status status, std::string_view doing, std::string_view subject, const Codes& codes) const {
    Error error;
    std::string sentence(doing);
    switch (closed(status)) {
        case PMX_CANCELLED:
            error.code = Code::CANCELLED;
            sentence += " was cancelled";
            break;
        case PMX_NO_SPACE:
            error.code = Code::DISK_FULL;
            sentence += " failed: the disk is full";
            error.remedy = "make room and run the same command again";
            break;
        case PMX_IO:
            error.code = Code::IO;
            sentence += " failed: the file system refused";
            break;
        case PMX_NO_MEMORY:
            error.code = Code::PLUGIN_FAILED;
            sentence += " failed: out of memory";
            break;
        case PMX_MISMATCH:
            error.code = codes.mismatch;
            sentence += " found a mismatch";
            break;
        case PMX_NOT_FOUND:
            error.code = codes.not_found;
            sentence += " found nothing there";
            break;
        case PMX_DENIED:
            error.code = codes.denied;
            sentence += " was refused";
            break;
        case PMX_UNAVAILABLE:
            error.code = codes.unavailable;
            sentence += " failed: the server or network did not answer";
            break;
        case PMX_INVALID:
            error.code = codes.invalid;
            sentence += " failed: the input is not valid";
            break;
        case PMX_UNSUPPORTED:
            error.code = codes.unsupported;
            sentence += " failed: not supported";
            break;
        default:
            error.code = Code::PLUGIN_FAILED;
            sentence += " failed";
    }
    std::lock_guard lock(mutex_);
    if (said_ && !said_->what.empty())
        error.what = said_->what;
    else
        error.what = sentence + " (plugin " + info_.name + ")";
    if (error.code == Code::PLUGIN_FAILED && said_ && !said_->what.empty())
        error.what = "plugin " + info_.name + ": " + error.what;
    error.subject = said_ && !said_->subject.empty() ? said_->subject : std::string(subject);
    if (said_ && !said_->remedy.empty()) error.remedy = said_->remedy;
    // Some sentences hold the system's words already.
    if (said_ && said_->sys != 0 && error.what.find(std::strerror(said_->sys)) != std::string::npos &&
        said_->sys != ENOSPC && said_->sys != EDQUOT) {
        error.sys = said_->sys;
        return error;
    }
    if (said_ && said_->sys != 0) {
        Error told = fail_errno(said_->sys, std::move(error.what), std::move(error.subject), error.code).value();
        if (!error.remedy.empty()) told.remedy = std::move(error.remedy);
        return told;
    }
    return error;
}

}  // namespace pmx
