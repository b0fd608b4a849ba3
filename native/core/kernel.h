// What our own loops over tensors share.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <bit>
#include <cstdint>

// The build targets the architecture's baseline; a kernel is compiled once more for each of these and the system's
// loader picks one. Not under sanitizers, whose run time is not ready when the loader picks. Levels of x86-64 have been
// possible here since GCC 12 and Clang 18; Clang before 14 knows no clones.
#if !defined(__x86_64__) || !defined(__linux__) || defined(__SANITIZE_ADDRESS__)
#define AUTOBIRD_KERNEL
#elif defined(__clang__) ? __clang_major__ >= 18 : __GNUC__ >= 12
#define AUTOBIRD_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif !defined(__clang__) || __clang_major__ >= 14
#define AUTOBIRD_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define AUTOBIRD_KERNEL
#endif

namespace autobird {

inline float fromBfloat16(uint16_t value) { return std::bit_cast<float>(static_cast<uint32_t>(value) << 16); }

// Round to nearest even, as LibTorch does.
inline uint16_t toBfloat16(float value) {
  const auto word = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (word + 0x7fffU + ((word >> 16) & 1U)) >> 16;
  const uint32_t nan = 0U - static_cast<uint32_t>(value != value);  // a mask, so that loops become vectors
  return static_cast<uint16_t>((0x7fc0U & nan) | (rounded & ~nan));
}

inline const uint16_t* bits(const at::Tensor& bfloat16) {
  return static_cast<const uint16_t*>(bfloat16.const_data_ptr());
}
inline uint16_t* mutableBits(const at::Tensor& bfloat16) { return static_cast<uint16_t*>(bfloat16.mutable_data_ptr()); }

/// A generator of its own for a device.
at::Generator generatorFor(const at::Device& device, uint64_t seed);

}  // namespace autobird
