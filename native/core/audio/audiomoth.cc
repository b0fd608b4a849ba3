#include "core/audio/audiomoth.h"

#include <algorithm>

namespace autobird {

uint64_t audioMothGap(const uint8_t* sector) {
  constexpr size_t markBytes = 2 * 32;
  uint64_t sectors = 0;
  for (size_t bit = 0; bit < 32; ++bit) {
    const auto sample = static_cast<int16_t>(sector[2 * bit] | sector[2 * bit + 1] << 8);
    if (sample != 1 && sample != -1) return 0;
    if (sample == 1) sectors |= uint64_t{1} << bit;
  }
  const bool zeros =
      std::all_of(sector + markBytes, sector + audioMothSectorBytes, [](uint8_t byte) { return byte == 0; });
  return zeros ? sectors * audioMothSectorBytes / 2 : 0;
}

}  // namespace autobird
