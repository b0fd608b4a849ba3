// Which instruction set the signal kernels use. The build targets the architecture's baseline; the kernels are compiled
// once for each set (kernels.cc) and chosen at run time, and the tests compare them with each other.
#pragma once

namespace autobird {

enum class Isa { portable, avx2, avx512 };

/// The best set that this CPU and build have; `AUTOBIRD_SIMD=portable|avx2|avx512` in the environment chooses a lesser one.
Isa bestIsa();

/// This CPU and build can run it.
bool isaAvailable(Isa isa);

const char* isaName(Isa isa);

}  // namespace autobird
