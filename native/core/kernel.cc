#include "core/kernel.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

namespace autobird {

at::Generator generatorFor(const at::Device& device, uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator =
      at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace autobird
