// Numbers as messages show them.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace autobird {

/// The shortest of up to nine digits: 0.1, 3, nan. std::to_string would say 0.100000.
inline std::string numberText(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

}  // namespace autobird
