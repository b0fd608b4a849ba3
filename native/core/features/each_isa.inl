// Compiles the file that KERNELS names once for each instruction set, with LANES floats at a time, and chooses among their
// tables. To be included once in a source file, inside namespace autobird.

#if defined(__x86_64__)
#define AUTOBIRD_X86 1
#endif

namespace portable {
#define LANES 4
#include KERNELS
#undef LANES
}  // namespace portable

#ifdef AUTOBIRD_X86
// Everything between push and pop is compiled for the named set, and runs only after isaAvailable() said so.
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
#define LANES 8
#include KERNELS
#undef LANES
}  // namespace avx2
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif
namespace avx512 {
#define LANES 16
#include KERNELS
#undef LANES
}  // namespace avx512
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif  // AUTOBIRD_X86

/// The `table` of the kernels for `isa`. Throws `invalid_argument` where this CPU or build cannot run it.
static const auto& tableFor(Isa isa) {
  if (!isaAvailable(isa)) throw invalidArgument(std::string("This CPU has no ") + isaName(isa) + " instructions");
#ifdef AUTOBIRD_X86
  if (isa == Isa::avx512) return avx512::table;
  if (isa == Isa::avx2) return avx2::table;
#endif
  return portable::table;
}
