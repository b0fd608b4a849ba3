// Autocast for the length of a scope, on this thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace autobird {

enum class Precision { f32, bf16, fp16 };

/// Throws `invalid_argument` for another word.
Precision precisionFromName(const std::string& name);

class AutocastScope {
 public:
  AutocastScope(const at::Device& device, Precision precision);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  at::DeviceType device_;
  bool active_;
};

}  // namespace autobird
