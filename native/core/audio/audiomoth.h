// AudioMoth's recordings with a trigger leave out what was below it, and mark each gap by one sector of 512 bytes of the file:
// 32 samples of 1 or -1, the bits (lowest first) of the number of sectors left out, and zeros. AudioMoth's own app expands such
// files in the same way.
#pragma once

#include <cstddef>
#include <cstdint>

namespace autobird {

constexpr size_t audioMothSectorBytes = 512;

/// Samples (16 bits, mono) of silence that a sector stands for; 0 where it is sound.
uint64_t audioMothGap(const uint8_t* sector);

}  // namespace autobird
