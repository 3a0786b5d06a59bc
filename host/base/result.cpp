#include "base/result.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/text.hpp"

namespace pmx {

std::string_view code_name(Code code) {
    switch (code) {
#define PMX_X(name, exit) \
    case Code::name:      \
        return "PMX_E_" #name;
        PMX_ERROR_CODES(PMX_X)
#undef PMX_X
    }
    return "PMX_E_INTERNAL";
}

int exit_status(Code code) {
    switch (code) {
#define PMX_X(name, exit) \
    case Code::name:      \
        return exit;
        PMX_ERROR_CODES(PMX_X)
#undef PMX_X
    }
    return 70;
}

Error&& Error::during(std::string_view doing) && {
    what = std::string(doing) + ": " + what;
    return std::move(*this);
}

Failure fail(Code code, std::string what, std::string subject, std::string remedy) {
    return Failure(Error{code, std::move(what), std::move(subject), std::move(remedy), 0});
}

Failure fail_errno(int error_number, std::string what, std::string subject, Code code) {
    Error error{code, std::move(what), std::move(subject), {}, error_number};
    error.what += " (" + std::generic_category().message(error_number) + ")";
    if (error_number == ENOSPC || error_number == EDQUOT) {
        error.code = Code::DISK_FULL;
        error.remedy = "free some space and run pmx again; nothing half-written will be trusted";
    } else if (error_number == EACCES || error_number == EPERM || error_number == EROFS) {
        error.remedy = "check who owns this path and that its file system is writable";
    } else if (error_number == EMFILE || error_number == ENFILE) {
        error.remedy = "raise the limit on open files (ulimit -n) or lower --link-concurrency";
    }
    return Failure(std::move(error));
}

std::string to_string(const Error& error) {
    std::string out(code_name(error.code));
    out += "  " + printable(error.what);
    if (!error.subject.empty()) out += ": " + printable(error.subject);
    if (!error.remedy.empty()) out += "\n  " + printable(error.remedy);
    return out;
}

}  // namespace pmx
