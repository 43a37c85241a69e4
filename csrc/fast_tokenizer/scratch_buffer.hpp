// Memory for the time of a call.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace fast_tokenizer {

// `count` values, not initialised, aligned for the kernels; up to kInline of them take no allocation, which
// for a single small chunk costs as much as the work on it.
template <class T, std::size_t kInline>
class ScratchBuffer {
  static_assert(std::is_trivially_default_constructible_v<T>);

 public:
  explicit ScratchBuffer(std::size_t count)
      : heap_(count > kInline ? new (std::align_val_t{kAlignment}) T[count] : nullptr) {}
  T* data() { return heap_ ? heap_.get() : inline_; }

 private:
  static constexpr std::size_t kAlignment = 64;
  struct Free {
    void operator()(T* data) const { ::operator delete[](data, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<T[], Free> heap_;
  alignas(kAlignment) T inline_[kInline];
};

}  // namespace fast_tokenizer
