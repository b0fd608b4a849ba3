#include "core/runtime.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <dlfcn.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include "core/error.h"

namespace autobird {
namespace {

bool mallocTuned = false;
// Written once, in `prepareProcess`.
std::string cudaFailure;

// glibc hands every block over 32 MB back to the kernel and faults it in again at the next step: keeping blocks is
// worth 1.2-1.6 x on whole training steps. A host application that counts on small memory opts out.
void tuneAllocator() {
#if defined(__GLIBC__)
  const char* choice = std::getenv("AUTOBIRD_MALLOC");
  if (choice != nullptr && std::strcmp(choice, "default") == 0) return;
  constexpr int kKeep = 1 << 30;
  // Before 2.35 it takes 32 MB at most. Any of the three ends its own adapting of the first, so that stays where it refuses.
  if (mallopt(M_MMAP_THRESHOLD, kKeep) != 1 && mallopt(M_MMAP_THRESHOLD, 32 << 20) != 1) return;
  const bool trimmed = mallopt(M_TRIM_THRESHOLD, kKeep) == 1;
  mallocTuned = mallopt(M_TOP_PAD, 64 << 20) == 1 && trimmed;
#endif
}

// The profiler's library prints a line when there is no CUDA driver.
void silenceProfiler() { setenv("KINETO_LOG_LEVEL", "5", /*overwrite=*/0); }

// The folder of the LibTorch that is loaded, found by the address of one of its functions.
std::string torchFolder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&at::get_cpu_capability), &info) == 0 || info.dli_fname == nullptr) return "";
  const std::string path = info.dli_fname;
  return path.substr(0, path.find_last_of('/') + 1);
}

void loadCuda() {
#if defined(__linux__)
  const char* choice = std::getenv("AUTOBIRD_CUDA");
  if (choice != nullptr && std::strcmp(choice, "0") == 0) return;
  // Without a driver, or with a LibTorch for CPUs, there is no CUDA, and nothing failed.
  if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) == nullptr) return;
  const std::string library = torchFolder() + "libtorch_cuda.so";
  if (access(library.c_str(), F_OK) != 0) return;
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = dlerror();
    cudaFailure = reason != nullptr ? reason : library + " cannot be loaded";
  }
#endif
}

// f32 means f32: by default cuDNN rounds the inputs of convolutions to the ten bits of TF32, and scores would differ from
// the CPU's in the third digit. For speed there are bf16 and fp16.
void keepFullPrecision() {
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
}

// at::Context has no accessor for the version of the library itself; every LibTorch carries it in its build settings.
std::string loadedVersion() {
  const std::string config = at::show_config();
  const std::string key = "TORCH_VERSION=";
  const auto start = config.find(key);
  if (start == std::string::npos) return "unknown";
  const auto begin = start + key.size();
  return config.substr(begin, config.find_first_of(", \n", begin) - begin);
}

std::string minorOf(const std::string& version) {
  const auto dot = version.find('.');
  return version.substr(0, version.find('.', dot + 1));
}

std::vector<std::string> linuxCpuFlags() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("flags", 0) != 0 && line.rfind("Features", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    std::vector<std::string> flags;
    for (std::string word; words >> word;) flags.push_back(word);
    return flags;
  }
  return {};
}

// Those that decide how fast the network runs; the rest of /proc/cpuinfo is noise.
constexpr std::array kFeatures = {"avx2",        "fma",         "avx_vnni",    "avx512f",  "avx512bw",
                                  "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16",
                                  "amx_int8",    "asimd",       "asimddp",     "bf16",     "sve"};

}  // namespace

void prepareProcess() {
  static std::once_flag once;
  std::call_once(once, [] {
    silenceProfiler();
    tuneAllocator();
    loadCuda();
    keepFullPrecision();
  });
  const std::string loaded = loadedVersion();
  if (minorOf(loaded) != minorOf(AUTOBIRD_TORCH_VERSION)) {
    throw Error("native_load", "The addon was built with LibTorch " AUTOBIRD_TORCH_VERSION " but LibTorch " + loaded +
                                   " was loaded from " + torchFolder() + ": run `npx autobird setup` to build it anew");
  }
}

void releaseFreeMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

RuntimeInfo runtimeInfo() {
  RuntimeInfo info;
  info.torchBuilt = AUTOBIRD_TORCH_VERSION;
  info.torchLoaded = loadedVersion();
  info.cpuCapability = at::get_cpu_capability();
  const std::vector<std::string> flags = linuxCpuFlags();
  for (const char* feature : kFeatures) {
    if (std::find(flags.begin(), flags.end(), feature) != flags.end()) info.cpuFeatures.emplace_back(feature);
  }
  auto has = [&](const char* name) {
    return std::find(info.cpuFeatures.begin(), info.cpuFeatures.end(), name) != info.cpuFeatures.end();
  };
  info.cpuBf16 = has("amx_bf16") || has("avx512_bf16") || has("bf16");
  info.cudaAvailable = at::globalContext().hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
  if (info.cudaAvailable) {
    // The properties' layout changes with the toolkit, so the values come from the driver itself, by two plain C functions.
    using GetName = int (*)(char*, int, int);
    using TotalMemory = int (*)(size_t*, int);
    auto getName = reinterpret_cast<GetName>(dlsym(RTLD_DEFAULT, "cuDeviceGetName"));
    auto totalMemory = reinterpret_cast<TotalMemory>(dlsym(RTLD_DEFAULT, "cuDeviceTotalMem_v2"));
    for (int i = 0; i < at::detail::getCUDAHooks().deviceCount(); ++i) {
      CudaDevice device{"CUDA device " + std::to_string(i), 0};
      std::array<char, 256> name{};
      if (getName != nullptr && getName(name.data(), name.size(), i) == 0) device.name = name.data();
      size_t bytes = 0;
      if (totalMemory != nullptr && totalMemory(&bytes, i) == 0) device.totalBytes = static_cast<int64_t>(bytes);
      info.cudaDevices.push_back(std::move(device));
    }
  }
  info.cudaFailure = cudaFailure;
  info.mallocTuned = mallocTuned;
  return info;
}

c10::Device requireDevice(const std::string& device) {
  if (device == "cpu") return c10::kCPU;
  if (device == "cuda" && at::globalContext().hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0) {
    return c10::kCUDA;
  }
  if (device == "cuda") {
    throw invalidArgument(
        "Expected a device of this machine for device but received \"cuda\": " +
        (cudaFailure.empty() ? "no CUDA device was found" : "CUDA cannot be loaded (" + cudaFailure + ")") +
        ". Use device=cpu, or run `npx autobird doctor` to see what CUDA lacks");
  }
  throw invalidArgument("Expected cpu or cuda for device but received \"" + device + "\"");
}

}  // namespace autobird
