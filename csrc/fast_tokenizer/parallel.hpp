// Splitting a batch over threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace fast_tokenizer {

// How many threads a batch is worth, of at most `num_threads` (0: as many as the process may use), if each is
// to have at least `grain` of its `count` items.
std::size_t threads_for(std::size_t count, std::size_t grain, int num_threads);

// A batch that several threads work on in slices, while the calling thread may still be fetching the later
// ones, or already be using the earlier. Threads live no longer than this object, so that a fork between
// calls is safe.
class SlicedWork {
 public:
  using Body = std::function<void(std::size_t slice, std::size_t begin, std::size_t end)>;

  // Starts threads for all but the calling one of `threads`. `body` is called once on each slice handed over.
  SlicedWork(std::size_t count, std::size_t threads, Body body);

  // Waits for the slices that have been begun, and gives up the others.
  ~SlicedWork();
  SlicedWork(const SlicedWork&) = delete;
  SlicedWork& operator=(const SlicedWork&) = delete;

  // Slice i is [bound(i), bound(i + 1)).
  std::size_t slices() const noexcept { return failures_.size(); }
  std::size_t bound(std::size_t slice) const noexcept { return count_ * slice / slices(); }

  // Lets the threads have the slices before `slice`.
  void hand_over(std::size_t slice);

  // Helps until this slice, which was handed over, is done. False if it never will be, as one has failed.
  bool help_until(std::size_t slice);

  // Helps until all slices are done. The exception of the lowest slice that threw is rethrown.
  void finish();

 private:
  void serve();
  bool work_on_next();
  void mark_done(std::size_t slice);
  void join();

  std::size_t count_;
  Body body_;
  std::vector<std::exception_ptr> failures_;  // by slice
  std::vector<std::atomic<bool>> done_;       // by slice: worked on, or given up
  std::atomic<bool> failed_{false};
  std::atomic<std::size_t> handed_over_{0};
  std::atomic<std::size_t> claimed_{0};
  std::vector<std::thread> threads_;
};

// Calls body(begin, end) on disjoint ranges that cover [0, count), on as many threads as threads_for says.
// The calling thread works too. The exception of the lowest range that threw is rethrown once every thread
// has ended.
template <class Body>
void parallel_for(std::size_t count, std::size_t grain, int num_threads, const Body& body) {
  const std::size_t threads = threads_for(count, grain, num_threads);
  if (threads <= 1)
    body(std::size_t{0}, count);
  else
    SlicedWork(count, threads, [&body](std::size_t, std::size_t begin, std::size_t end) {
      body(begin, end);
    }).finish();
}

}  // namespace fast_tokenizer
