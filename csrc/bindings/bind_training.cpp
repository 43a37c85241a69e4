// Training of a vocabulary.
#include <pybind11/stl.h>

#include <chrono>

#include "bindings.hpp"
#include "fast_tokenizer/vocabulary_trainer.hpp"

namespace fast_tokenizer::bindings {
namespace {

// Tells Python how far the training is, at most some times a second, and lets Ctrl-C end it.
class Reporter {
 public:
  explicit Reporter(const py::object& callback) : callback_(callback) {}

  void operator()(std::size_t done, std::size_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (done < total && now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!callback_.is_none()) callback_(done, total);
  }

 private:
  const py::object& callback_;
  std::chrono::steady_clock::time_point last_{};
};

py::tuple train_vocabulary_of(const std::string& scheme_name, const DenseArray<std::int32_t>& symbols,
                              const DenseArray<std::int64_t>& offsets, std::int32_t num_symbols,
                              TokenId vocab_size, std::int64_t min_frequency, std::size_t max_token_length,
                              int num_threads, const py::object& progress) {
  const Scheme scheme = scheme_of(scheme_name);
  const IdSequences chunks = sequences_of(symbols, offsets);
  TrainingOptions options;
  options.vocab_size = vocab_size;
  options.min_frequency = min_frequency;
  options.max_token_length = max_token_length;
  options.num_threads = num_threads;
  TrainedVocabulary vocabulary;
  {
    Reporter reporter(progress);
    const py::gil_scoped_release release;
    vocabulary =
        train_vocabulary(scheme, chunks.ids, chunks.offsets, num_symbols, options, std::ref(reporter));
  }
  py::array_t<TokenId> merges({static_cast<py::ssize_t>(vocabulary.merges.size()), py::ssize_t{3}});
  auto cells = merges.mutable_unchecked<2>();
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const auto row = static_cast<py::ssize_t>(i);
    cells(row, 0) = vocabulary.merges[i].left;
    cells(row, 1) = vocabulary.merges[i].right;
    cells(row, 2) = vocabulary.merges[i].result;
  }
  return py::make_tuple(std::move(vocabulary.tokens), std::move(merges));
}

}  // namespace

void bind_training(py::module_& module) {
  using namespace py::literals;
  module.def("train_vocabulary", &train_vocabulary_of, "scheme"_a, "symbols"_a, "offsets"_a, "num_symbols"_a,
             "vocab_size"_a, "min_frequency"_a, "max_token_length"_a, "num_threads"_a = 0,
             "progress"_a = py::none());
}

}  // namespace fast_tokenizer::bindings
