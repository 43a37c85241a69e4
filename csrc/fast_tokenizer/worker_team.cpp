#include "fast_tokenizer/worker_team.hpp"

#include <algorithm>
#include <system_error>

namespace fast_tokenizer {
namespace {

// Rounds follow each other within microseconds, less than it takes to put a thread to sleep and wake it.
template <typename Value>
void wait_while(const std::atomic<Value>& atomic, Value value) {
  for (int i = 0; i < 1000; ++i) {
    if (atomic.load(std::memory_order_acquire) != value) return;
    std::this_thread::yield();
  }
  atomic.wait(value, std::memory_order_acquire);
}

}  // namespace

WorkerTeam::WorkerTeam(std::size_t members) : failures_(std::max<std::size_t>(members, 1)) {
  threads_.reserve(members);
  for (std::size_t member = 1; member < members; ++member) {
    try {
      threads_.emplace_back([this, member] { serve(member); });
    } catch (const std::system_error&) {
      break;
    }
  }
}

WorkerTeam::~WorkerTeam() {
  body_ = nullptr;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerTeam::run(const std::function<void(std::size_t member)>& body) {
  body_ = &body;
  failing_.store(false, std::memory_order_relaxed);
  busy_.store(threads_.size(), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();

  work(0);
  for (std::size_t member = threads_.size() + 1; member < members(); ++member) work(member);
  for (std::size_t busy = busy_.load(std::memory_order_acquire); busy != 0;
       busy = busy_.load(std::memory_order_acquire)) {
    wait_while(busy_, busy);
  }

  std::exception_ptr first;
  for (std::exception_ptr& failure : failures_) {
    if (failure && !first) first = failure;
    failure = nullptr;
  }
  if (first) std::rethrow_exception(first);
}

void WorkerTeam::serve(std::size_t member) {
  for (std::uint32_t round = 0;; ++round) {
    wait_while(round_, round);
    if (body_ == nullptr) return;
    work(member);
    if (busy_.fetch_sub(1, std::memory_order_release) == 1) busy_.notify_one();
  }
}

void WorkerTeam::work(std::size_t member) noexcept {
  try {
    (*body_)(member);
  } catch (...) {
    failures_[member] = std::current_exception();
    failing_.store(true, std::memory_order_relaxed);
  }
}

}  // namespace fast_tokenizer
