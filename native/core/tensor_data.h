// Tensors as checkpoints know them, without LibTorch: what crosses to JavaScript.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace autobird {

/// Little-endian, contiguous.
struct TensorData {
  std::string name;
  /// As safetensors spells it: F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL.
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

/// The same, with bytes that the caller owns.
struct TensorView {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;
};

}  // namespace autobird
