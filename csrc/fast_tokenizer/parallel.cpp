#include "fast_tokenizer/parallel.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace fast_tokenizer {
namespace {

// Containers and job schedulers narrow the affinity mask, which hardware_concurrency() may not see.
std::size_t available_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(CPU_COUNT(&set));
#endif
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::size_t parallel_ranges(std::size_t count, std::size_t grain, int num_threads) {
  const std::size_t useful = count / std::max<std::size_t>(grain, 1);
  if (useful <= 1 || num_threads == 1) return 1;  // the common small batch asks the system nothing
  const std::size_t threads =
      num_threads > 0 ? static_cast<std::size_t>(num_threads) : available_processors();
  return std::clamp<std::size_t>(threads, 1, useful);
}

void run_ranges(std::size_t count, std::size_t ranges,
                const std::function<void(std::size_t begin, std::size_t end)>& body) {
  std::vector<std::exception_ptr> failures(ranges);
  const auto run = [&](std::size_t range) {
    try {
      body(count * range / ranges, count * (range + 1) / ranges);
    } catch (...) {
      failures[range] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(ranges - 1);
  std::size_t started = 1;
  for (; started < ranges; ++started) {
    try {
      threads.emplace_back(run, started);
    } catch (const std::system_error&) {
      break;  // no more threads to be had: the caller does what is left
    }
  }
  run(0);
  for (std::size_t range = started; range < ranges; ++range) run(range);
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace fast_tokenizer
