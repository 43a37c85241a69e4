// The errors of the core. The bindings turn each into the Python class of the same name.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace fast_tokenizer {

// Actions that cannot become tokens: a value that is not finite, or a symbol that the vocabulary lacks.
class EncodeError : public std::runtime_error {
 public:
  EncodeError(const std::string& detail, std::size_t chunk) : std::runtime_error(detail), chunk_(chunk) {}

  // Which chunk of the batch; what() leaves it out.
  std::size_t chunk() const noexcept { return chunk_; }

 private:
  std::size_t chunk_;
};

// A vocabulary or a list of merges that contradicts itself.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Data or settings from which no vocabulary can be trained.
class TrainingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace fast_tokenizer
