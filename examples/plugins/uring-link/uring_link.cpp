// uring-link: an experiment. Hardlinks by io_uring: one system call submits up to 64 links and waits for all of them. It
// needs no library; where io_uring or its linkat is not allowed it says UNSUPPORTED before it touches anything.
// What it measures is in the README.
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <pmx/target_file.hpp>

namespace {

using namespace pmx::sdk;

constexpr unsigned kBatch = 64;  // and between two batches it asks whether the call is cancelled

// One ring; used by one thread at a time.
class Ring {
  public:
    // Null: not allowed here.
    static std::unique_ptr<Ring> open() {
        auto ring = std::unique_ptr<Ring>(new Ring);
        io_uring_params params{};
        ring->fd_ = static_cast<int>(::syscall(SYS_io_uring_setup, kBatch, &params));
        if (ring->fd_ < 0 || !(params.features & IORING_FEAT_SINGLE_MMAP) || !ring->can_link() || !ring->map(params)) return nullptr;
        return ring;
    }
    ~Ring() {
        if (sqes_ != MAP_FAILED) ::munmap(sqes_, sqes_bytes_);
        if (rings_ != MAP_FAILED) ::munmap(rings_, rings_bytes_);
        if (fd_ >= 0) ::close(fd_);
    }
    Ring(const Ring&) = delete;

    // Links files first … first+count-1; results[i] is 0 or -errno. Returns how often the kernel was entered.
    unsigned link(const Import& job, std::size_t first, unsigned count, int* results) {
        unsigned tail = *sq_tail_;
        for (unsigned i = 0; i < count; ++i, ++tail) {
            const pmx_file& file = job.file(first + i);
            io_uring_sqe& sqe = static_cast<io_uring_sqe*>(sqes_)[tail & sq_mask_];
            std::memset(&sqe, 0, sizeof sqe);
            sqe.opcode = IORING_OP_LINKAT;
            sqe.fd = job.source_fd();
            sqe.addr = reinterpret_cast<std::uint64_t>(file.source.data);
            sqe.len = static_cast<unsigned>(job.target_fd());
            sqe.addr2 = reinterpret_cast<std::uint64_t>(file.target.data);
            sqe.user_data = i;
            sq_array_[tail & sq_mask_] = tail & sq_mask_;
            results[i] = -ECANCELED;
        }
        std::atomic_ref(*sq_tail_).store(tail, std::memory_order_release);
        unsigned entered = 0, sent = 0;
        for (unsigned got = 0; got < count;) {
            ++entered;
            long n = ::syscall(SYS_io_uring_enter, fd_, count - sent, count - got, IORING_ENTER_GETEVENTS, nullptr, 0);
            if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY) throw io_error(errno, "io_uring failed", {});
            if (n > 0) sent += static_cast<unsigned>(n);
            unsigned head = *cq_head_;
            for (; head != std::atomic_ref(*cq_tail_).load(std::memory_order_acquire); ++head, ++got)
                results[cqes_[head & cq_mask_].user_data] = cqes_[head & cq_mask_].res;
            std::atomic_ref(*cq_head_).store(head, std::memory_order_release);
        }
        return entered;
    }

  private:
    Ring() = default;
    bool can_link() const {
        alignas(io_uring_probe) char room[sizeof(io_uring_probe) + 256 * sizeof(io_uring_probe_op)] = {};
        auto* probe = reinterpret_cast<io_uring_probe*>(room);
        return ::syscall(SYS_io_uring_register, fd_, IORING_REGISTER_PROBE, probe, 256) == 0 &&
               probe->last_op >= IORING_OP_LINKAT && (probe->ops[IORING_OP_LINKAT].flags & IO_URING_OP_SUPPORTED);
    }
    bool map(const io_uring_params& p) {
        std::size_t sq = p.sq_off.array + p.sq_entries * sizeof(unsigned), cq = p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe);
        rings_bytes_ = sq > cq ? sq : cq;
        sqes_bytes_ = p.sq_entries * sizeof(io_uring_sqe);
        rings_ = ::mmap(nullptr, rings_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, IORING_OFF_SQ_RING);
        sqes_ = ::mmap(nullptr, sqes_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, IORING_OFF_SQES);
        if (rings_ == MAP_FAILED || sqes_ == MAP_FAILED) return false;
        char* base = static_cast<char*>(rings_);
        auto at = [&](std::uint32_t offset) { return reinterpret_cast<unsigned*>(base + offset); };
        sq_tail_ = at(p.sq_off.tail), sq_array_ = at(p.sq_off.array), sq_mask_ = *at(p.sq_off.ring_mask);
        cq_head_ = at(p.cq_off.head), cq_tail_ = at(p.cq_off.tail), cq_mask_ = *at(p.cq_off.ring_mask);
        cqes_ = reinterpret_cast<io_uring_cqe*>(base + p.cq_off.cqes);
        return true;
    }

    int fd_ = -1;
    void *rings_ = MAP_FAILED, *sqes_ = MAP_FAILED;
    std::size_t rings_bytes_ = 0, sqes_bytes_ = 0;
    unsigned *sq_tail_ = nullptr, *sq_array_ = nullptr, *cq_head_ = nullptr, *cq_tail_ = nullptr, sq_mask_ = 0, cq_mask_ = 0;
    io_uring_cqe* cqes_ = nullptr;
};

class UringLink {
  public:
    UringLink(Host host, const Config&) : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)) {}

    void import_files(Op op, const Import& job, std::size_t& done) {
        // A batch runs in any order: over what stands there already the plain importers are as good.
        if (job.is_private() || job.replaces() || !job.same_device()) throw Error(PMX_UNSUPPORTED, "not a case for hardlinks");
        std::unique_ptr<Ring> ring = take();
        if (!ring) throw Error(PMX_UNSUPPORTED, "io_uring is not allowed here, or knows no linkat");
        std::uint64_t entered = 0;
        pmx_status status = guarded(op.raw(), [&] {
            while (done < job.count()) {
                op.throw_if_cancelled();
                std::size_t left = job.count() - done;
                entered += batch(*ring, job, done, left < kBatch ? static_cast<unsigned>(left) : kBatch);
            }
            return PMX_OK;
        });
        if (counters_) {
            counters_->add(counters_, "files_linked", done);
            counters_->add(counters_, "uring_links", done);
            counters_->add(counters_, "uring_enters", entered);
        }
        if (status != PMX_OK) throw Reported(status);  // and what may still be under way in the ring ends with it
        give_back(std::move(ring));
    }

  private:
    static unsigned batch(Ring& ring, const Import& job, std::size_t& done, unsigned count) {
        int results[kBatch];
        unsigned entered = ring.link(job, done, count, results);
        unsigned made = 0;
        while (made < count && results[made] == 0) ++made;
        // `done` counts a prefix: what came about behind the first failure goes, so that the next importer can go on there.
        for (unsigned i = made + 1; i < count; ++i)
            if (results[i] == 0) ::unlinkat(job.target_fd(), job.file(done + i).target.data, 0);
        std::size_t failed = done + made;
        done += made;
        if (made == count) return entered;
        int number = -results[made];
        if (number == EXDEV || number == EMLINK || number == EPERM || number == EOPNOTSUPP || number == EINVAL)
            throw Error(PMX_UNSUPPORTED, "no hardlink possible", std::string(view(job.file(failed).target)));
        throw io_error(number, "cannot hardlink", std::string(view(job.file(failed).target)));
    }

    std::unique_ptr<Ring> take() {
        {
            std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                auto ring = std::move(idle_.back());
                idle_.pop_back();
                return ring;
            }
            if (is_refused_) return nullptr;
        }
        auto ring = Ring::open();
        if (!ring) {
            std::lock_guard lock(mutex_);
            is_refused_ = true;
        }
        return ring;
    }
    void give_back(std::unique_ptr<Ring> ring) {
        std::lock_guard lock(mutex_);
        idle_.push_back(std::move(ring));
    }

    const pmx_counters* counters_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Ring>> idle_;
    bool is_refused_ = false;
};

}  // namespace

PMX_IMPORTER(UringLink, "uring-link", "0.1.0", "An experiment: hardlinks in batches, by io_uring", 0, nullptr, 0)
