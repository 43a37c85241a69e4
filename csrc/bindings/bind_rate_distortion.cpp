// Coefficients that are worth their tokens.
#include <cmath>

#include "bindings.hpp"
#include "fast_tokenizer/parallel.hpp"
#include "fast_tokenizer/rate_distortion.hpp"

namespace fast_tokenizer::bindings {
namespace {

// `scaled` and `rounded` are coefficients [batch, ...] before and after rounding.
py::array_t<std::int32_t> choose(const RateDistortionSearch& search, const DenseArray<double>& scaled,
                                 const DenseArray<std::int32_t>& rounded, double rdo, int num_threads) {
  if (scaled.ndim() != rounded.ndim() || scaled.ndim() < 1 ||
      !std::equal(scaled.shape(), scaled.shape() + scaled.ndim(), rounded.shape()))
    throw py::value_error("expected two arrays of one shape");
  if (!(rdo >= 0) || std::isinf(rdo)) throw py::value_error("expected rdo of 0 or more");
  const auto count = static_cast<std::size_t>(rounded.shape(0));
  const std::size_t length = static_cast<std::size_t>(rounded.size()) / std::max<std::size_t>(count, 1);
  py::array_t<std::int32_t> chosen(rounded.request());
  std::int32_t* const cells = chosen.mutable_data();
  const double* const exact = scaled.data();
  {
    const py::gil_scoped_release release;
    parallel_for(count, 1, num_threads, [&](std::size_t begin, std::size_t end) {
      search.choose(exact + begin * length, end - begin, length, rdo, cells + begin * length);
    });
  }
  return chosen;
}

}  // namespace

void bind_rate_distortion(py::module_& module) {
  using namespace py::literals;
  py::class_<RateDistortionSearch>(module, "RateDistortionSearch")
      .def(py::init([](const CoefficientCoder& coder, std::shared_ptr<TokenGrammar> grammar) {
             if (coder.scheme() != Scheme::symbols)
               throw py::value_error("expected a coder of scheme symbols");
             if (grammar->size() != coder.size()) throw py::value_error("expected the grammar of the coder");
             return std::make_unique<RateDistortionSearch>(coder, std::move(grammar));
           }),
           "coder"_a, "grammar"_a.none(false))
      .def("choose", &choose, "scaled"_a, "rounded"_a, "rdo"_a, "num_threads"_a = 0);
}

}  // namespace fast_tokenizer::bindings
