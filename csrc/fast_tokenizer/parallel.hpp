// Splitting a batch over threads.
#pragma once

#include <cstddef>
#include <functional>

namespace fast_tokenizer {

// Calls body(begin, end) on disjoint ranges that cover [0, count), on at most `num_threads` threads
// (0: as many as the process may use), each range at least `grain` long where count allows. The calling
// thread works too. Threads live only during the call, so that a fork between calls is safe. The exception
// of the lowest range that threw is rethrown once every thread has ended.
void parallel_for(std::size_t count, std::size_t grain, int num_threads,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

// How many ranges parallel_for makes of these arguments.
std::size_t parallel_ranges(std::size_t count, std::size_t grain, int num_threads);

}  // namespace fast_tokenizer
