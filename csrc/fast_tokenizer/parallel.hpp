// Splitting a batch over threads.
#pragma once

#include <cstddef>
#include <functional>

namespace fast_tokenizer {

// How many ranges parallel_for makes of these arguments.
std::size_t parallel_ranges(std::size_t count, std::size_t grain, int num_threads);

// The part of parallel_for that starts threads: one for each range but the first.
void run_ranges(std::size_t count, std::size_t ranges,
                const std::function<void(std::size_t begin, std::size_t end)>& body);

// Calls body(begin, end) on disjoint ranges that cover [0, count), on at most `num_threads` threads
// (0: as many as the process may use), each range at least `grain` long where count allows. The calling
// thread works too. Threads live only during the call, so that a fork between calls is safe. The exception
// of the lowest range that threw is rethrown once every thread has ended.
template <class Body>
void parallel_for(std::size_t count, std::size_t grain, int num_threads, const Body& body) {
  const std::size_t ranges = parallel_ranges(count, grain, num_threads);
  if (ranges <= 1)
    body(std::size_t{0}, count);
  else
    run_ranges(count, ranges, std::cref(body));
}

}  // namespace fast_tokenizer
