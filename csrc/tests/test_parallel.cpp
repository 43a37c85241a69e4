#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fast_tokenizer/parallel.hpp"

namespace fast_tokenizer {
namespace {

TEST_CASE("every index is visited once, whatever the sizes") {
  for (const std::size_t count : {0, 1, 2, 7, 1000}) {
    for (const int threads : {0, 1, 2, 3, 16}) {
      for (const std::size_t grain : {1, 3, 5000}) {
        std::vector<std::atomic<int>> visits(count);
        parallel_for(count, grain, threads, [&](std::size_t begin, std::size_t end) {
          for (std::size_t i = begin; i < end; ++i) ++visits[i];
        });
        for (const auto& visit : visits) REQUIRE(visit == 1);
      }
    }
  }
}

TEST_CASE("the exception of the lowest range arrives, after all threads have ended") {
  std::atomic<int> running = 0;
  try {
    parallel_for(1000, 1, 4, [&](std::size_t begin, std::size_t) {
      ++running;
      std::this_thread::yield();
      --running;
      if (begin >= 100) throw std::runtime_error(std::to_string(begin));
    });
    FAIL("expected an exception");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()) == "125");  // 32 slices
  }
  CHECK(running == 0);
}

TEST_CASE("a slice is worked on only once it is handed over") {
  std::vector<std::atomic<int>> visits(1000);
  std::atomic<std::size_t> there = 0;
  std::atomic<bool> early = false;
  SlicedWork work(visits.size(), 3, [&](std::size_t, std::size_t begin, std::size_t end) {
    early = early || end > there;
    for (std::size_t i = begin; i < end; ++i) ++visits[i];
  });
  for (std::size_t slice = 0; slice < work.slices(); ++slice) {
    CHECK(visits[work.bound(slice)] == 0);
    there = work.bound(slice + 1);
    work.hand_over(slice + 1);
  }
  work.finish();
  CHECK_FALSE(early);
  for (const auto& visit : visits) REQUIRE(visit == 1);
}

TEST_CASE("work that is given up ends, and slices that never came are not touched") {
  std::atomic<std::size_t> last = 0;
  std::size_t handed_over = 0;
  {
    SlicedWork work(1000, 3, [&](std::size_t, std::size_t, std::size_t end) {
      if (end > last) last = end;
    });
    handed_over = work.bound(2);
    work.hand_over(2);
  }
  CHECK(last <= handed_over);
}

}  // namespace
}  // namespace fast_tokenizer
