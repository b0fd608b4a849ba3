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
  return failed != 0 || cases().empty();
}
