// Coefficients to token ids and back.
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "bindings.hpp"
#include "fast_tokenizer/chunk_decoder.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"
#include "fast_tokenizer/parallel.hpp"
#include "fast_tokenizer/scratch_buffer.hpp"

namespace fast_tokenizer::bindings {
namespace {

std::vector<Merge> merges_of(const DenseArray<TokenId>& merges) {
  if (merges.ndim() != 2 || merges.shape(1) != 3) throw py::value_error("expected merges [count, 3]");
  std::vector<Merge> result;
  const auto ids = span_of(merges);
  for (std::size_t i = 0; i + 2 < ids.size(); i += 3) result.push_back({ids[i], ids[i + 1], ids[i + 2]});
  return result;
}

// A batch of coefficients on its way to ids, in slices that several threads work on.
class Encoding {
 public:
  Encoding(const CoefficientCoder& coder, const DenseArray<std::int32_t>& coefficients, int num_threads)
      : coder_(coder),
        cells_(coefficients.data()),
        count_(static_cast<std::size_t>(coefficients.shape(0))),
        length_(static_cast<std::size_t>(coefficients.size()) / std::max<std::size_t>(count_, 1)),
        clipped_(static_cast<py::ssize_t>(count_)),
        clipped_cells_(clipped_.mutable_data()),
        work_(count_, threads_for(count_, CoefficientCoder::encoding_grain(length_), num_threads),
              [this](std::size_t slice, std::size_t begin, std::size_t end) { encode(slice, begin, end); }) {
    parts_.resize(work_.slices());
    work_.hand_over(work_.slices());
  }

  // Ids and offsets as arrays.
  py::tuple arrays() {
    finish();
    std::size_t total = 0;
    for (const EncodedBatch& part : parts_) total += part.ids.size();
    py::array_t<TokenId> ids(static_cast<py::ssize_t>(total));
    py::array_t<std::int64_t> offsets(static_cast<py::ssize_t>(count_) + 1);
    TokenId* next_id = ids.mutable_data();
    std::int64_t* next_offset = offsets.mutable_data();
    *next_offset++ = 0;
    for (const EncodedBatch& part : parts_) {
      const std::int64_t before = next_id - ids.data();
      next_id = std::copy(part.ids.begin(), part.ids.end(), next_id);
      next_offset = std::transform(part.offsets.begin() + 1, part.offsets.end(), next_offset,
                                   [before](std::int64_t offset) { return before + offset; });
    }
    return py::make_tuple(std::move(ids), std::move(offsets), std::move(clipped_));
  }

  // A list of ids for each chunk, made on this thread, which holds the GIL for that; the others go on
  // encoding.
  py::tuple lists() {
    py::list lists(count_);
    std::optional<IntsOfIds> ints;
    for (std::size_t slice = 0; slice < work_.slices(); ++slice) {
      bool done = false;
      {
        const py::gil_scoped_release release;
        done = work_.help_until(slice);
      }
      if (!done) break;
      const EncodedBatch& part = parts_[slice];
      if (!ints) ints.emplace(part.ids.size() * work_.slices(), coder_.size());
      for (std::size_t i = 0; i < part.sequences().size(); ++i)
        lists[work_.bound(slice) + i] = ints->list_of(part.sequences()[i]);
    }
    finish();
    return py::make_tuple(std::move(lists), std::move(clipped_));
  }

 private:
  void encode(std::size_t slice, std::size_t begin, std::size_t end) {
    parts_[slice] = coder_.encode(cells_ + begin * length_, end - begin, length_, begin);
    std::copy(parts_[slice].clipped.begin(), parts_[slice].clipped.end(), clipped_cells_ + begin);
  }

  void finish() {
    const py::gil_scoped_release release;
    work_.finish();
  }

  const CoefficientCoder& coder_;
  const std::int32_t* cells_;
  std::size_t count_;
  std::size_t length_;
  py::array_t<bool> clipped_;
  bool* clipped_cells_;
  std::vector<EncodedBatch> parts_;
  SlicedWork work_;  // last: its threads use the others
};

py::tuple encode(const CoefficientCoder& coder, const DenseArray<std::int32_t>& coefficients,
                 int num_threads) {
  return Encoding(coder, coefficients, num_threads).arrays();
}

py::tuple encode_lists(const CoefficientCoder& coder, const DenseArray<std::int32_t>& coefficients,
                       int num_threads) {
  return Encoding(coder, coefficients, num_threads).lists();
}

// A call to decode, which writes its result part by part.
class Decoding {
 public:
  Decoding(const CoefficientCoder& coder, std::size_t count, std::size_t horizon, std::size_t action_dim,
           double scale, bool keep_prefix)
      : coder_(coder),
        count_(count),
        shape_{horizon, action_dim},
        scale_(scale),
        keep_prefix_(keep_prefix),
        actions_({count, horizon, action_dim}),
        cells_(actions_.mutable_data()),
        outcomes_(count) {}

  // Decodes the sequences from number `first` on.
  void decode(std::size_t first, const IdSequences& sequences) {
    decode_chunks(coder_, sequences, shape_, scale_, keep_prefix_,
                  cells_ + first * shape_.horizon * shape_.action_dim, outcomes_.data() + first);
  }

  py::tuple result() { return decoding_result(std::move(actions_), {outcomes_.data(), count_}); }

 private:
  const CoefficientCoder& coder_;
  std::size_t count_;
  ChunkShape shape_;
  double scale_;
  bool keep_prefix_;
  py::array_t<double> actions_;
  double* cells_;
  ScratchBuffer<DecodeOutcome, 16> outcomes_;
};

py::tuple decode_arrays(const CoefficientCoder& coder, const DenseArray<TokenId>& ids,
                        const DenseArray<std::int64_t>& offsets, std::size_t horizon, std::size_t action_dim,
                        double scale, bool keep_prefix, int num_threads) {
  const IdSequences sequences = sequences_of(ids, offsets);
  Decoding decoding(coder, sequences.size(), horizon, action_dim, scale, keep_prefix);
  {
    const py::gil_scoped_release release;
    parallel_for(
        sequences.size(), decoding_grain({horizon, action_dim}), num_threads,
        [&](std::size_t begin, std::size_t end) { decoding.decode(begin, sequences.range(begin, end)); });
  }
  return decoding.result();
}

// Lists are read on this thread alone, which holds the GIL for that; the others decode meanwhile.
py::tuple decode_lists(const CoefficientCoder& coder, const py::list& lists, std::size_t horizon,
                       std::size_t action_dim, double scale, bool keep_prefix, int num_threads) {
  const std::size_t count = lists.size();
  Decoding decoding(coder, count, horizon, action_dim, scale, keep_prefix);
  std::vector<ListedIds> read;
  SlicedWork work(count, threads_for(count, decoding_grain({horizon, action_dim}), num_threads),
                  [&](std::size_t slice, std::size_t begin, std::size_t) {
                    decoding.decode(begin, read[slice].sequences());
                  });
  read.resize(work.slices());
  for (std::size_t slice = 0; slice < work.slices(); ++slice) {
    for (std::size_t i = work.bound(slice); i < work.bound(slice + 1); ++i) {
      if (i >= lists.size()) throw py::value_error("the list of sequences changed while it was read");
      read[slice].append(lists[i]);
    }
    work.hand_over(slice + 1);
  }
  {
    const py::gil_scoped_release release;
    work.finish();
  }
  return decoding.result();
}

}  // namespace

Scheme scheme_of(const std::string& name) {
  if (name == "bytes") return Scheme::bytes;
  if (name == "symbols") return Scheme::symbols;
  throw py::value_error("scheme is '" + name + "': expected 'bytes' or 'symbols'");
}

py::tuple decoding_result(py::array_t<double> actions, std::span<const DecodeOutcome> outcomes) {
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(),
                                   [](const auto& one) { return one.status != DecodeStatus::ok; });
  if (failed == outcomes.end()) return py::make_tuple(std::move(actions), py::none(), -1);
  py::array_t<std::int64_t> report({std::size_t{3}, outcomes.size()});
  auto cells = report.mutable_unchecked<2>();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto column = static_cast<py::ssize_t>(i);
    cells(0, column) = static_cast<std::int64_t>(outcomes[i].status);
    cells(1, column) = outcomes[i].position;
    cells(2, column) = outcomes[i].decoded;
  }
  return py::make_tuple(std::move(actions), std::move(report), failed - outcomes.begin());
}

void bind_coder(py::module_& module) {
  using namespace py::literals;
  py::class_<CoefficientCoder>(module, "CoefficientCoder")
      .def(py::init([](const std::string& scheme, std::int32_t min_coefficient,
                       const std::vector<std::u32string>& tokens, const DenseArray<TokenId>& merges) {
             return std::make_unique<CoefficientCoder>(scheme_of(scheme), min_coefficient, tokens,
                                                       merges_of(merges));
           }),
           "scheme"_a, "min_coefficient"_a, "tokens"_a, "merges"_a)
      .def("encode", &encode, "coefficients"_a, "num_threads"_a = 0)
      .def("encode_lists", &encode_lists, "coefficients"_a, "num_threads"_a = 0)
      .def("decode_lists", &decode_lists, "lists"_a, "horizon"_a, "action_dim"_a, "scale"_a, "keep_prefix"_a,
           "num_threads"_a = 0)
      .def("decode_arrays", &decode_arrays, "ids"_a, "offsets"_a, "horizon"_a, "action_dim"_a, "scale"_a,
           "keep_prefix"_a, "num_threads"_a = 0)
      .def_property_readonly("size", &CoefficientCoder::size)
      .def_property_readonly("min_coefficient", &CoefficientCoder::min_coefficient)
      .def_property_readonly("max_coefficient", &CoefficientCoder::max_coefficient);
}

}  // namespace fast_tokenizer::bindings
