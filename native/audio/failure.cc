#include "addon/worker.h"

namespace autobird::addon {

// As native/addon/failure.cc, without LibTorch.
Failure currentFailure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {"out_of_memory", "Memory ran out: decode fewer files at once, or use a machine with more memory"};
  } catch (const std::exception& error) {
    return {"native_failure", error.what()};
  } catch (...) {
    return {"native_failure", "An unknown exception left the audio decoder"};
  }
}

}  // namespace autobird::addon
