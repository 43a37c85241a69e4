#include "fast_tokenizer/parallel.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#endif

namespace fast_tokenizer {
namespace {

// Slices are not equally heavy, nor threads equally fast: with several slices a thread, those that are done
// early take work from the others.
constexpr std::size_t kSlicesAThread = 8;

// Containers and job schedulers narrow the affinity mask, which hardware_concurrency() may not see.
std::size_t available_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(CPU_COUNT(&set));
#endif
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::size_t threads_for(std::size_t count, std::size_t grain, int num_threads) {
  const std::size_t useful = count / std::max<std::size_t>(grain, 1);
  if (useful <= 1 || num_threads == 1) return 1;  // the common small batch asks the system nothing
  const std::size_t threads =
      num_threads > 0 ? static_cast<std::size_t>(num_threads) : available_processors();
  return std::clamp<std::size_t>(threads, 1, useful);
}

SlicedWork::SlicedWork(std::size_t count, std::size_t threads, Body body)
    : count_(count),
      body_(std::move(body)),
      failures_(std::min(count, threads * kSlicesAThread)),
      done_(failures_.size()) {
  threads_.reserve(threads - 1);
  for (std::size_t thread = 1; thread < threads; ++thread) {
    try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      break;  // no more threads to be had: the caller does what is left
    }
  }
}

SlicedWork::~SlicedWork() {
  claimed_.store(slices(), std::memory_order_relaxed);
  hand_over(slices());
  join();
}

void SlicedWork::hand_over(std::size_t slice) {
  handed_over_.store(slice, std::memory_order_release);
  handed_over_.notify_all();
}

bool SlicedWork::help_until(std::size_t slice) {
  while (!done_[slice].load(std::memory_order_acquire)) {
    if (!work_on_next()) done_[slice].wait(false, std::memory_order_acquire);
  }
  return !failed_.load(std::memory_order_relaxed);
}

void SlicedWork::finish() {
  hand_over(slices());
  while (work_on_next()) {
  }
  join();
  for (const std::exception_ptr& failure : failures_) {
    if (failure) std::rethrow_exception(failure);
  }
}

void SlicedWork::serve() {
  for (;;) {
    const std::size_t next = claimed_.load(std::memory_order_relaxed);
    if (next >= slices()) return;
    if (!work_on_next()) handed_over_.wait(next, std::memory_order_acquire);
  }
}

// Works on the lowest slice that no thread has claimed, if it was handed over.
bool SlicedWork::work_on_next() {
  std::size_t slice = claimed_.load(std::memory_order_relaxed);
  do {
    if (slice >= handed_over_.load(std::memory_order_acquire)) return false;
  } while (!claimed_.compare_exchange_weak(slice, slice + 1, std::memory_order_relaxed));
  try {
    body_(slice, bound(slice), bound(slice + 1));
  } catch (...) {
    failures_[slice] = std::current_exception();
    failed_.store(true, std::memory_order_relaxed);
    // Lower slices were claimed before, so the exception to rethrow cannot be lost by giving up the rest.
    const std::size_t given_up = claimed_.exchange(slices(), std::memory_order_relaxed);
    for (std::size_t later = given_up; later < slices(); ++later) mark_done(later);
  }
  mark_done(slice);
  return true;
}

void SlicedWork::mark_done(std::size_t slice) {
  done_[slice].store(true, std::memory_order_release);
  done_[slice].notify_all();
}

void SlicedWork::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace fast_tokenizer
