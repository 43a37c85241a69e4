// DCT, its inverse, quantization and its inverse.
#include "bindings.hpp"
#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/quantizer.hpp"

namespace fast_tokenizer::bindings {
namespace {

template <class Out, class Real>
py::array_t<Out> array_like(const py::array_t<Real>& actions) {
  return py::array_t<Out>({actions.shape(0), actions.shape(1), actions.shape(2)});
}

template <class Real>
py::array_t<Real> transform(py::array_t<Real> actions, int num_threads,
                            void (*transform_into)(const ActionsView<Real>&, Real*, int)) {
  const auto view = view_of(actions);
  auto out = array_like<Real>(actions);
  {
    const py::gil_scoped_release release;
    transform_into(view, out.mutable_data(), num_threads);
  }
  return out;
}

template <class Real>
py::array_t<Real> dct_of(py::array_t<Real> actions, int num_threads) {
  return transform<Real>(std::move(actions), num_threads, &dct<Real>);
}

template <class Real>
py::array_t<Real> idct_of(py::array_t<Real> coefficients, int num_threads) {
  return transform<Real>(std::move(coefficients), num_threads, &idct<Real>);
}

template <class Real>
py::tuple quantize_of(py::array_t<Real> actions, double scale, double tie_tolerance, int num_threads) {
  const auto view = view_of(actions);
  auto coefficients = array_like<std::int32_t>(actions);
  std::vector<std::int64_t> near_ties;
  {
    const py::gil_scoped_release release;
    near_ties = quantize(view, scale, tie_tolerance, num_threads, coefficients.mutable_data());
  }
  return py::make_tuple(std::move(coefficients), to_array(near_ties));
}

}  // namespace

void bind_dct(py::module_& module) {
  using namespace py::literals;
  // noconvert: float32 is not to be widened into the overload for float64.
  module.def("dct", &dct_of<float>, "actions"_a.noconvert(), "num_threads"_a = 0);
  module.def("dct", &dct_of<double>, "actions"_a.noconvert(), "num_threads"_a = 0);
  module.def("idct", &idct_of<float>, "coefficients"_a.noconvert(), "num_threads"_a = 0);
  module.def("idct", &idct_of<double>, "coefficients"_a.noconvert(), "num_threads"_a = 0);
  module.def("quantize", &quantize_of<float>, "actions"_a.noconvert(), "scale"_a, "tie_tolerance"_a,
             "num_threads"_a = 0);
  module.def("quantize", &quantize_of<double>, "actions"_a.noconvert(), "scale"_a, "tie_tolerance"_a,
             "num_threads"_a = 0);
}

}  // namespace fast_tokenizer::bindings
