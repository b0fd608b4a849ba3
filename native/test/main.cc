#include <cstdio>
#include <cstdlib>
#include <exception>

#include "test/check.h"

int main() {
  using namespace autobird::test;
  int failed = 0;
  for (const Case& test : cases()) {
    const int before = failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      ++failures();
      std::printf("%s threw: %s\n", test.name, error.what());
    }
    const bool ok = failures() == before;
    failed += !ok;
    std::printf("%s %s\n", ok ? "ok" : "FAILED", test.name);
  }
  std::printf("%zu passed, %d failed\n", cases().size() - static_cast<size_t>(failed), failed);
  std::fflush(stdout);
  // Without the destructors of libraries: LibTorch's own end in `free(): invalid pointer` with the libstdc++ of GCC 13.
  std::_Exit(failed != 0 || cases().empty());
}
