// The smallest test harness that works under sanitizers: TEST(name) { CHECK(condition); }
#pragma once

#include <cstdio>
#include <functional>
#include <vector>

namespace autobird::test {

struct Case {
  const char* name;
  std::function<void()> body;
};
inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
inline int& failures() {
  static int count = 0;
  return count;
}
struct Register {
  Register(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};

}  // namespace autobird::test

#define TEST(name)                                                           \
  static void test_##name();                                                 \
  static const autobird::test::Register register_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      ++autobird::test::failures();                                         \
      std::printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                       \
  } while (false)
