// The core's errors become the Python classes of fast_tokenizer.errors, which is where they are defined.
#include "bindings.hpp"
#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer::bindings {
namespace {

template <class... Arguments>
void raise(const char* name, const Arguments&... arguments) {
  const py::object type = py::module_::import("fast_tokenizer.errors").attr(name);
  PyErr_SetObject(type.ptr(), type(arguments...).ptr());
}

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const EncodeError& error) {
    raise("EncodeError", error.what(), error.chunk());
  } catch (const FormatError& error) {
    raise("FormatError", error.what());
  } catch (const TrainingError& error) {
    raise("TrainingError", error.what());
  }
}

}  // namespace

void bind_errors(py::module_& /*module*/) { py::register_exception_translator(&translate); }

}  // namespace fast_tokenizer::bindings
