#include "core/model/precision.h"

#include <ATen/autocast_mode.h>

#include "core/error.h"

namespace autobird {

Precision precisionFromName(const std::string& name) {
  if (name == "f32") return Precision::f32;
  if (name == "bf16") return Precision::bf16;
  if (name == "fp16") return Precision::fp16;
  throw invalidArgument("Expected f32, bf16 or fp16 for precision but received \"" + name + "\"");
}

AutocastScope::AutocastScope(const at::Device& device, Precision precision)
    : device_(device.type()), active_(precision != Precision::f32) {
  if (!active_) return;
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, precision == Precision::bf16 ? at::kBFloat16 : at::kHalf);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  // Copies of the weights in the lower precision live until the outermost scope ends.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, false);
}

}  // namespace autobird
