#include <c10/util/Exception.h>

#include "addon/worker.h"

namespace autobird::addon {

Failure currentFailure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    return {"out_of_memory", std::string("LibTorch ran out of memory: ") + error.what_without_backtrace()};
  } catch (const c10::Error& error) {
    return {"native_failure", error.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return {"out_of_memory", "Memory ran out: use a smaller batch, fewer workers, or a machine with more memory"};
  } catch (const std::exception& error) {
    return {"native_failure", error.what()};
  } catch (...) {
    return {"native_failure", "An unknown exception left the native core"};
  }
}

}  // namespace autobird::addon
