// The smallest test harness that works under sanitizers: TEST(name) { CHECK(condition); }
#pragma once

#include <cstdio>
#include <functional>
#include <random>
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

/// Uniform in +- `level`.
inline std::vector<float> noise(size_t count, unsigned seed = 1, float level = 1) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = level * (static_cast<float>(random() % 20001) / 1e4F - 1);
  return values;
}

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
