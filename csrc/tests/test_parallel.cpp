#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
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
  std::atomic<int> finished = 0;
  try {
    parallel_for(8, 1, 4, [&](std::size_t begin, std::size_t) {
      ++finished;
      if (begin > 0) throw std::runtime_error(std::to_string(begin));
    });
    FAIL("expected an exception");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()) == "2");
  }
  CHECK(finished == 4);
}

}  // namespace
}  // namespace fast_tokenizer
