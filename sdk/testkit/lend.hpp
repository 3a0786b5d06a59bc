// Lent: what one call of a plugin borrows: strings, arrays, structs, in the way that the bench says. Whoever touches what
// is not lent ends the case with a sentence that names it. Private to the kit.
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "bench.hpp"

namespace pmx::testkit {

class Lent {
  public:
    explicit Lent(const Bench& bench) : how_(bench.lending) {}
    ~Lent() { end(); }
    Lent(const Lent&) = delete;

    // `what` is a constant: it appears in messages.
    pmx_str string(std::string_view text, const char* what, bool ends_in_nul = false) {
        if (text.empty() && !ends_in_nul) return {nullptr, 0};
        std::string bytes(text);
        if (ends_in_nul) bytes += '\0';
        return {static_cast<const char*>(copy(bytes.data(), bytes.size(), what, true)), text.size()};
    }
    // Elements that keep the size that the interface gave them for ever.
    template <class T>
    const T* fixed(const std::vector<T>& items, const char* what) {
        return items.empty() ? nullptr : static_cast<const T*>(copy(items.data(), items.size() * sizeof(T), what, true));
    }
    // Elements that are reached through a stride.
    template <class T>
    const T* array(const std::vector<T>& items, std::uint32_t& stride, const char* what) {
        stride = static_cast<std::uint32_t>(sizeof(T) + more());
        if (items.empty()) return nullptr;
        std::string bytes(items.size() * stride, '\xa5');
        for (std::size_t i = 0; i < items.size(); ++i) std::memcpy(bytes.data() + i * stride, &items[i], sizeof(T));
        return static_cast<const T*>(copy(bytes.data(), bytes.size(), what, true));
    }
    // A struct that begins with its size. `in_first` is its size in the first minor.
    template <class T>
    const T* whole(T value, const char* what, std::size_t in_first = sizeof(T)) {
        std::string bytes(sizeof(T) + more(), '\xa5');
        if (how_ == Lending::oldest) bytes.resize(in_first);
        value.size = static_cast<std::uint32_t>(bytes.size());
        std::memcpy(bytes.data(), &value, std::min(sizeof(T), bytes.size()));
        return static_cast<const T*>(copy(bytes.data(), bytes.size(), what, how_ != Lending::oldest));
    }
    // The call is over.
    void end();

  private:
    std::size_t more() const { return how_ == Lending::longest ? 24 : 0; }
    // `in_oldest_plain`: in an old host only the structs themselves are looked at.
    const void* copy(const void* bytes, std::size_t length, const char* what, bool in_oldest_plain);
    const Lending how_;
    std::vector<std::size_t> spans_;
};

// Turns a touch of guarded memory into a verdict. Once a process.
void watch_lent();

}  // namespace pmx::testkit
