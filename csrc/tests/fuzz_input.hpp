// Reading a fuzzer's bytes as numbers; beyond the end there are zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fast_tokenizer {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return at_ >= size_; }

  template <class Number>
  Number take() {
    Number number{};
    if (size_ - at_ < sizeof number) {
      at_ = size_;
      return number;
    }
    std::memcpy(&number, data_ + at_, sizeof number);
    at_ += sizeof number;
    return number;
  }

  // A number in [0, count); count is at least 1.
  std::size_t below(std::size_t count) { return take<std::uint16_t>() % count; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

}  // namespace fast_tokenizer
