// The process as LibTorch finds it: allocator, CUDA, what the CPU can do. Read before any tensor is made.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

namespace autobird {

struct CudaDevice {
  std::string name;
  int64_t totalBytes = 0;
};

struct RuntimeInfo {
  std::string torchBuilt;
  std::string torchLoaded;
  std::string cpuCapability;
  std::vector<std::string> cpuFeatures;
  bool cpuBf16 = false;
  bool cudaAvailable = false;
  std::vector<CudaDevice> cudaDevices;
  /// Why a CUDA library that is there could not be loaded; empty where that did not happen.
  std::string cudaFailure;
  bool mallocTuned = false;
};

/// Once a process, however many environments load the addon, and before anything touches a tensor: LibTorch remembers
/// for ever that there is no CUDA when it is queried before its CUDA library was loaded. Throws `native_load` when the
/// LibTorch that was found is not of the minor version that the addon was built with.
///
/// Environment: `AUTOBIRD_MALLOC=default` leaves glibc's allocator as it is, `AUTOBIRD_CUDA=0` leaves CUDA out,
/// `KINETO_LOG_LEVEL` brings back the profiler's messages.
void prepareProcess();

RuntimeInfo runtimeInfo();

/// Gives the kernel what lies free in the heaps of all threads. A thread that allocates from a heap waits for it: tens of
/// milliseconds where there is much to give.
void releaseFreeMemory();

/// Throws `invalid_argument` when there is no such device in this process.
c10::Device requireDevice(const std::string& device);

}  // namespace autobird
